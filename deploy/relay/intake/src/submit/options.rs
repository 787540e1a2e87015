//! The command line of sendmail(1), as far as programs use it.

use std::ffi::OsString;
use std::vec::IntoIter;

use super::error::SubmitError;
use crate::dsn::{self, Notify, Ret};
use crate::param::Body;

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Read a message and send it (`-bm`, or no mode).
    Submit(SubmitOptions),
    /// Find out whether mail for the recipients would be taken, and report it to the sender (`-bv`).
    Verify(SubmitOptions),
    /// Speak SMTP on standard input and output (`-bs`).
    Dialogue,
    /// List the queue (`-bp`): `baton queue list`.
    ShowQueue,
    /// Try everything in the queue now (`-q`): `baton queue flush`.
    Flush,
}

/// How to make a submission out of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmitOptions {
    /// `-f` or `-r`, as given; empty or `<>` is the null sender.
    pub sender: Option<String>,
    /// `-F`: the name in a `From:` that is added.
    pub full_name: Option<String>,
    /// Recipients on the command line, each an address or a list of them.
    pub recipients: Vec<String>,
    /// `-t`.
    pub from: RecipientSource,
    /// `-i`.
    pub dot: DotRule,
    /// `-B`, `-o7`, `-o8`.
    pub body: Option<Body>,
    /// `-N`: what the sender wants to hear of each recipient. RFC 3461 §4.1.
    pub notify: Option<Notify>,
    /// `-R`: how much of the message a notice returns. RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// `-V`: what notices call the message, as it is, not in xtext. RFC 3461 §4.4.
    pub envid: Option<String>,
}

/// Where recipients come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipientSource {
    /// The command line.
    #[default]
    Arguments,
    /// The command line and the header (`-t`).
    Header,
}

/// What a line with a dot and nothing else is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DotRule {
    /// The end of the message.
    #[default]
    Ends,
    /// A line like any other (`-i`, `-oi`).
    Ordinary,
}

/// Understands the arguments behind the program's name.
///
/// Letters may be joined (`-ti`), values may follow directly or as the next argument, `--` ends the options.
/// What only tunes sendmail's own workings is accepted and has no effect; what would be lost in silence is
/// an error.
pub fn parse_arguments(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, SubmitError> {
    let text = |argument: OsString| {
        argument.into_string().map_err(|raw| SubmitError::NotText(raw.to_string_lossy().into_owned()))
    };
    let arguments = arguments.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let mut reader =
        Reader { arguments: arguments.into_iter(), mode: Mode::Submit, options: SubmitOptions::default() };
    reader.read()?;
    Ok(match reader.mode {
        Mode::Submit => Invocation::Submit(reader.options),
        Mode::Verify => Invocation::Verify(reader.options),
        Mode::Dialogue => Invocation::Dialogue,
        Mode::ShowQueue => Invocation::ShowQueue,
        Mode::Flush => Invocation::Flush,
    })
}

enum Mode {
    Submit,
    Verify,
    Dialogue,
    ShowQueue,
    Flush,
}

struct Reader {
    arguments: IntoIter<String>,
    mode: Mode,
    options: SubmitOptions,
}

impl Reader {
    fn read(&mut self) -> Result<(), SubmitError> {
        let mut only_recipients = false;
        while let Some(argument) = self.arguments.next() {
            match argument.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                Some("-") if !only_recipients => only_recipients = true,
                Some(letters) if !only_recipients => self.letters(letters)?,
                _ => self.options.recipients.push(argument),
            }
        }
        Ok(())
    }

    /// One argument: letters without a value, then perhaps one with.
    fn letters(&mut self, letters: &str) -> Result<(), SubmitError> {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            match letter {
                't' => self.options.from = RecipientSource::Header,
                'i' => self.options.dot = DotRule::Ordinary,
                // -G relay submission, -m me too, -n no aliases, -U user submission, -v verbose
                'G' | 'm' | 'n' | 'U' | 'v' => {}
                's' => return Err(not_done("s", "not an option here; for a dialogue use -bs")),
                'I' => return Err(not_done("I", NO_ALIASES)),
                'q' => return self.queue(rest.as_str()),
                'd' => return Ok(()), // -dX.Y debug level, attached only
                _ => {
                    let attached = Some(rest.as_str()).filter(|text| !text.is_empty()).map(str::to_owned);
                    return self.valued(letter, attached);
                }
            }
        }
        Ok(())
    }

    fn valued(&mut self, letter: char, attached: Option<String>) -> Result<(), SubmitError> {
        if !"ABbCFfhLNOoprRVX".contains(letter) {
            return Err(SubmitError::UnknownOption(letter));
        }
        let value = attached.or_else(|| self.arguments.next()).ok_or(SubmitError::NoValue(letter))?;
        match letter {
            'f' | 'r' => self.options.sender = Some(value),
            'F' => self.options.full_name = Some(value),
            'B' => self.body(value)?,
            'b' => self.mode(&value)?,
            'o' => self.old_option(&value),
            'N' | 'R' | 'V' => self.notices(letter, value)?,
            'C' => {
                return Err(not_done(
                    "C",
                    "name the configuration with BATON_CONFIG, or `baton send --config FILE`",
                ));
            }
            'X' => return Err(not_done("X", "no traffic log is written; see the relay's own log")),
            // -A alternative configuration, -h hop count, -L log tag, -O option, -p protocol
            _ => {}
        }
        Ok(())
    }

    fn queue(&mut self, what: &str) -> Result<(), SubmitError> {
        if !what.is_empty() {
            let instead = "`baton queue flush` tries everything; when to retry is the relay's configuration";
            return Err(not_done(&format!("q{what}"), instead));
        }
        self.mode = Mode::Flush;
        Ok(())
    }

    fn body(&mut self, value: String) -> Result<(), SubmitError> {
        self.options.body = Some(match value.to_ascii_uppercase().as_str() {
            "7BIT" => Body::SevenBit,
            "8BITMIME" => Body::EightBitMime,
            _ => return Err(SubmitError::BadValue { option: 'B', value, expected: "7BIT or 8BITMIME" }),
        });
        Ok(())
    }

    /// What stands in notices and when they are sent.
    fn notices(&mut self, option: char, value: String) -> Result<(), SubmitError> {
        let (understood, expected) = match option {
            'N' => {
                self.options.notify = dsn::notify(&value);
                (self.options.notify.is_some(), "never, or a list of success, failure and delay")
            }
            'R' => {
                self.options.ret = dsn::ret(&value);
                (self.options.ret.is_some(), "full or hdrs")
            }
            _ => {
                self.options.envid = dsn::is_envid(&value).then(|| value.clone());
                (self.options.envid.is_some(), "up to 100 printable characters of ASCII")
            }
        };
        if understood { Ok(()) } else { Err(SubmitError::BadValue { option, value, expected }) }
    }

    fn mode(&mut self, value: &str) -> Result<(), SubmitError> {
        self.mode = match value {
            "m" => Mode::Submit,
            "v" => Mode::Verify,
            "s" => Mode::Dialogue,
            "p" => Mode::ShowQueue,
            "d" | "D" | "l" => {
                return Err(not_done(&format!("b{value}"), "start the relay with `baton relay`"));
            }
            "i" => return Err(not_done("bi", NO_ALIASES)),
            _ => {
                let (option, value) = ('b', value.to_owned());
                return Err(SubmitError::BadValue { option, value, expected: "m, p, s or v" });
            }
        };
        Ok(())
    }

    /// `-oX`: of sendmail's many, those that change the message.
    fn old_option(&mut self, value: &str) {
        match value {
            "i" => self.options.dot = DotRule::Ordinary,
            "7" => self.options.body = Some(Body::SevenBit),
            "8" => self.options.body = Some(Body::EightBitMime),
            _ => {}
        }
    }
}

const NO_ALIASES: &str = "there is no alias database";

fn not_done(option: &str, instead: &'static str) -> SubmitError {
    SubmitError::NotDone { option: option.into(), instead }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysexits::SysExit;

    fn parse(line: &str) -> Result<Invocation, SubmitError> {
        parse_arguments(line.split_whitespace().map(OsString::from))
    }

    #[track_caller]
    fn submit(line: &str) -> SubmitOptions {
        match parse(line) {
            Ok(Invocation::Submit(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn values_may_be_attached_or_follow() {
        let want = SubmitOptions {
            sender: Some("a@b".into()),
            full_name: Some("Joe".into()),
            recipients: vec!["c@d".into(), "e@f".into()],
            ..SubmitOptions::default()
        };
        for line in [
            "-f a@b -F Joe c@d e@f",
            "-fa@b -FJoe c@d e@f",
            "-r a@b c@d -FJoe e@f",
            "-nfa@b c@d -FJoe -- e@f",
        ] {
            assert_eq!(submit(line), want, "{line}");
        }
    }

    #[test]
    fn flags_may_be_joined() {
        for line in [
            "-t -i",
            "-ti",
            "-it",
            "-oi -t",
            "-t -o i",
            "-bm -t -oi -oem -odb -om -v",
            "-tmiG -Am -h 3 -Ox=y",
        ] {
            let options = submit(line);
            assert_eq!((options.from, options.dot), (RecipientSource::Header, DotRule::Ordinary), "{line}");
        }
        assert_eq!(submit("x").dot, DotRule::Ends);
        assert_eq!(submit("-- -t").recipients, ["-t"]);
        assert_eq!(submit("-").recipients, ["-"]);
        assert_eq!(submit("-B8bitmime").body, Some(Body::EightBitMime));
        assert_eq!(submit("-o7").body, Some(Body::SevenBit));
        let null = parse_arguments(["-f".into(), "".into()]);
        assert!(
            matches!(null, Ok(Invocation::Submit(SubmitOptions { sender: Some(s), .. })) if s.is_empty())
        );
    }

    #[test]
    fn notices_can_be_asked_for() {
        let options = submit("-N success,DELAY -Rhdrs -V order+7=x a@b");
        assert_eq!(options.notify, Some(Notify { success: true, failure: false, delay: true }));
        assert_eq!(options.ret, Some(Ret::Headers));
        assert_eq!(options.envid.as_deref(), Some("order+7=x"));
        assert_eq!(submit("-Nnever a@b").notify, Some(Notify::default()));
        let plain = submit("a@b");
        assert_eq!((plain.notify, plain.ret, plain.envid), (None, None, None));
    }

    #[test]
    fn other_modes() {
        assert_eq!(parse("-bs"), Ok(Invocation::Dialogue));
        assert_eq!(parse("-b s -t"), Ok(Invocation::Dialogue));
        assert_eq!(parse("-bp"), Ok(Invocation::ShowQueue));
        assert_eq!(parse("-q"), Ok(Invocation::Flush));
        let verify = SubmitOptions { recipients: vec!["a@b".into()], ..SubmitOptions::default() };
        assert_eq!(parse("-bv a@b"), Ok(Invocation::Verify(verify)));
    }

    #[test]
    fn what_is_not_done_says_so() {
        for (line, exit) in [
            ("-Z", SysExit::Usage),
            ("--help", SysExit::Usage),
            ("-tZ", SysExit::Usage),
            ("-f", SysExit::Usage),
            ("-bx", SysExit::Usage),
            ("-B 9bit", SysExit::Usage),
            ("-bd", SysExit::Unavailable),
            ("-bi", SysExit::Unavailable),
            ("-I", SysExit::Unavailable),
            ("-q30m", SysExit::Unavailable),
            ("-N sometimes", SysExit::Usage),
            ("-N never,delay", SysExit::Usage),
            ("-Rhalf", SysExit::Usage),
            ("-V \u{e9}", SysExit::Usage),
            ("-C /etc/x", SysExit::Unavailable),
        ] {
            assert_eq!(parse(line).map_err(|error| error.exit()), Err(exit), "{line}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn arguments_that_are_no_text_are_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let error = parse_arguments([OsString::from_vec(vec![b'a', 0xff])]).unwrap_err();
        assert_eq!(error.exit(), SysExit::Usage);
    }
}
