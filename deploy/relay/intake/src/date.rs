//! Dates as RFC 5322 §3.3 writes them, from seconds since the epoch.

/// `Sun, 23 Nov 2025 03:13:00 +0000`: the instant `unix_seconds`, as a clock `offset_minutes` east of UTC shows it.
pub fn rfc5322_date(unix_seconds: i64, offset_minutes: i16) -> String {
    let civil = Civil::of(unix_seconds, offset_minutes);
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let offset = offset_minutes.unsigned_abs();
    format!(
        "{}, {} {} {:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
        civil.weekday,
        civil.day,
        civil.month_name,
        civil.year,
        civil.hour,
        civil.minute,
        civil.second,
        offset / 60,
        offset % 60,
    )
}

/// `20251123031300` in UTC: the part of a generated Message-ID that people can read.
pub(crate) fn compact(unix_seconds: i64) -> String {
    let Civil { year, month, day, hour, minute, second, .. } = Civil::of(unix_seconds, 0);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// One instant on the calendar.
struct Civil {
    weekday: &'static str,
    year: i64,
    month: i64,
    month_name: &'static str,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Civil {
    fn of(unix_seconds: i64, offset_minutes: i16) -> Self {
        let local = unix_seconds.saturating_add(i64::from(offset_minutes) * 60);
        let (days, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        // Years are counted from March, so that the leap day is the last of its year; eras of 400 years
        // are all alike. Day 0 is 1 March 0000.
        let days = days + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            weekday: name(&WEEKDAYS, (days + 3).rem_euclid(7)),
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            month_name: name(&MONTHS, month - 1),
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_known_from_elsewhere() {
        // Each made with `date -R -d @SECONDS`.
        for (seconds, offset, want) in [
            (0, 0, "Thu, 1 Jan 1970 00:00:00 +0000"),
            (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (951_868_800, 0, "Wed, 1 Mar 2000 00:00:00 +0000"),
            (1_763_867_580, 0, "Sun, 23 Nov 2025 03:13:00 +0000"),
            (1_763_867_580, -210, "Sat, 22 Nov 2025 23:43:00 -0330"),
            (1_763_867_580, 345, "Sun, 23 Nov 2025 08:58:00 +0545"),
            (4_107_542_399, 0, "Sun, 28 Feb 2100 23:59:59 +0000"),
            (4_107_542_400, 0, "Mon, 1 Mar 2100 00:00:00 +0000"),
            (-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"),
        ] {
            assert_eq!(rfc5322_date(seconds, offset), want);
        }
        assert_eq!(compact(1_763_867_580), "20251123031300");
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        assert!(rfc5322_date(i64::MAX, i16::MAX).ends_with(" +54607"));
        assert!(rfc5322_date(i64::MIN, i16::MIN).contains(" -"));
    }
}
