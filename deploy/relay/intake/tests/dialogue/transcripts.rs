//! Plays every file of `transcripts/` against a session.
//!
//! `C:` a line of the client (CRLF is added; neighbours come as one segment), `R:` octets without line end,
//! `S:` a reply, `E:` an event, `X:` something that happens to the relay, `#` a comment. `\r \n \0 \xHH` and
//! `\\` stand for octets in `C:` and `R:`. A file whose name begins with `few-` has low limits.

use intake::{Refusal, Room, Settings};

use super::driver::Driver;

fn settings(name: &str) -> Settings {
    let mut settings = Settings::new("relay.example");
    if name.starts_with("few-") {
        settings.message_size_limit = 100;
        settings.recipient_limit = 2;
        settings.recipient_overshoot_limit = 1;
        settings.hard_error_limit = 3;
        settings.junk_command_limit = 2;
        settings.hopcount_limit = 3;
        settings.line_length_limit = 60;
        settings.header_size_limit = 40;
    }
    settings
}

fn octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            octets.extend(character.to_string().into_bytes());
            continue;
        }
        octets.push(match characters.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('0') => 0,
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two hexadecimal digits")
            }
            Some('\\') => b'\\',
            other => panic!("unknown escape {other:?}"),
        });
    }
    octets
}

fn happens(driver: &mut Driver, what: &str) {
    let refusal = |name| match name {
        "NoSpace" => Refusal::NoSpace,
        "TooMany" => Refusal::TooManyMessages,
        "TooBig" => Refusal::TooBig,
        "IoError" => Refusal::IoError,
        "ShuttingDown" => Refusal::ShuttingDown,
        _ => panic!("unknown refusal {name}"),
    };
    match what.split_once(' ').unwrap_or((what, "")) {
        ("refuse", name) => driver.refusal = Some(refusal(name)),
        ("give-up", name) => driver.give_up(refusal(name)),
        ("full", name) => driver.session.set_room(Room::Full(refusal(name))),
        ("room", _) => driver.session.set_room(Room::Available),
        ("timeout", _) => driver.session.timed_out(),
        ("disconnect", _) => driver.session.disconnected(),
        ("drain", _) => driver.session.drain(),
        _ => panic!("unknown happening {what}"),
    }
    driver.feed(&[]);
}

/// How the client's octets are delivered.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Segments,
    SingleOctets,
}

fn play(name: &str, script: &str, cut: Cut) -> Vec<String> {
    let mut driver = Driver::new(settings(name));
    let mut segment = Vec::new();
    let mut echo: Vec<String> = Vec::new();
    let lines: Vec<_> = script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut seen = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let (kind, rest) = line.split_at(line.len().min(3));
        match kind {
            "C: " => segment.extend([octets(rest), b"\r\n".to_vec()].concat()),
            "R: " => segment.extend(octets(rest)),
            "X: " => {
                seen.append(&mut driver.log);
                seen.push((*line).to_owned());
                happens(&mut driver, rest);
                continue;
            }
            _ => continue,
        }
        echo.push((*line).to_owned());
        let more =
            lines.get(number + 1).is_some_and(|next| next.starts_with("C: ") || next.starts_with("R: "));
        if !more {
            seen.append(&mut driver.log);
            seen.append(&mut echo);
            let segment = std::mem::take(&mut segment);
            match cut {
                Cut::Segments => driver.feed(&segment),
                Cut::SingleOctets => segment.chunks(1).for_each(|octet| driver.feed(octet)),
            }
        }
    }
    seen.append(&mut driver.log);
    seen
}

#[test]
fn transcripts() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
    let (mut played, mut failures) = (0, String::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let script = std::fs::read_to_string(&path).unwrap();
        let want: Vec<_> = script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        for cut in [Cut::Segments, Cut::SingleOctets] {
            let got = play(&name, &script, cut);
            if got != want {
                let same = got.iter().zip(&want).take_while(|(got, want)| got == want).count();
                let next = got.get(same..).unwrap_or_default().join("\n");
                failures += &format!("{name}, {cut:?}: want {:?}, got:\n{next}\n\n", want.get(same));
            }
        }
        played += 1;
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(played >= 14, "only {played} transcripts found");
}
