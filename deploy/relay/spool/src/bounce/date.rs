//! Dates as RFC 5322 §3.3 writes them, in UTC.

use std::time::{Duration, SystemTime};

/// `Tue, 14 Nov 2023 22:13:20 +0000`. Times before 1970 are shown as 1970.
pub fn rfc5322_date(time: SystemTime) -> String {
    let seconds = since_epoch(time).as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let weekday = name(&WEEKDAYS, days % 7);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{weekday}, {day} {} {year} {hour:02}:{minute:02}:{second:02} +0000", name(&MONTHS, month))
}

/// Microseconds since 1970.
pub(super) fn micros(time: SystemTime) -> u128 {
    since_epoch(time).as_micros()
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// Year, month (0 is January), day (1 is the first) of a day counted from 1970-01-01, Gregorian.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    // 400 years have 146 097 days, and 1970 is as good a start as any.
    year += days / 146_097 * 400;
    days %= 146_097;
    while days >= year_length(year) {
        days -= year_length(year);
        year += 1;
    }
    let mut month = 0;
    while days >= month_length(year, month) {
        days -= month_length(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn year_length(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_length(year: u64, month: u64) -> u64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn name(names: &[&'static str], index: u64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or("")
}

/// 1970-01-01 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_known_seconds() {
        for (seconds, want) in [
            (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_700_000_000, "Tue, 14 Nov 2023 22:13:20 +0000"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 +0000"),
            (4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000"),
            (16_725_225_600, "Fri, 1 Jan 2500 00:00:00 +0000"),
        ] {
            assert_eq!(rfc5322_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), want);
        }
    }
}
