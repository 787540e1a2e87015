//! The arguments that master(8) makes up, and those of master.cf.

use maincf::Protocol;
use maincf::value::{DeliveryFlags, Value};
use std::ffi::OsString;
use std::path::Path;

/// What master and master.cf say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// For the log: `smtp` or `lmtp`, whatever the program's file is called.
    pub protocol: Protocol,
    /// `-n`, else the program's name as master.cf has it.
    pub service: String,
    /// `-t`: `unix` and the like.
    pub transport: String,
    /// `-l`: there is only one process of the service, so that nobody contends for connections.
    pub alone: bool,
    /// `-u`
    pub unprivileged: bool,
    /// `-c`
    pub chroot: bool,
    /// How often `-v`.
    pub verbose: u32,
    /// `-o name=value`, in order; `-m` and `-i` are among them.
    pub options: Vec<String>,
    /// `flags=DORX`
    pub flags: DeliveryFlags,
}

/// It cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandLineError {
    /// Nobody knows it.
    #[error("unknown option -{0}")]
    Unknown(char),
    /// Its value is missing.
    #[error("option -{0} needs a value")]
    NoValue(char),
    /// `-S`, `-D`.
    #[error("option -{0} is not built")]
    NotBuilt(char),
    /// More or other sockets than one.
    #[error("this service needs one Unix socket: type unix in master.cf")]
    Sockets,
    /// A word that is no option.
    #[error("unknown argument {0:?}: only flags=DORX may follow the options")]
    Word(String),
}

impl CommandLine {
    /// Takes the arguments with the program's name.
    ///
    /// # Errors
    /// [`CommandLineError`].
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, CommandLineError> {
        let mut arguments = arguments.into_iter().map(|word| word.to_string_lossy().into_owned());
        let program = arguments.next().unwrap_or_default();
        let program = Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned());
        let program = program.unwrap_or_default();
        let mut line = Self {
            protocol: protocol(&program),
            service: program,
            transport: String::new(),
            alone: false,
            unprivileged: false,
            chroot: false,
            verbose: 0,
            options: Vec::new(),
            flags: DeliveryFlags::default(),
        };
        while let Some(word) = arguments.next() {
            match word.strip_prefix('-') {
                Some(letters) if !letters.is_empty() => line.letters(letters, &mut arguments)?,
                _ => line.word(word)?,
            }
        }
        if line.transport == "unix" { Ok(line) } else { Err(CommandLineError::Sockets) }
    }

    /// One word of letters: getopt(3) lets them stand together, the last with its value.
    fn letters(
        &mut self,
        letters: &str,
        more: &mut impl Iterator<Item = String>,
    ) -> Result<(), CommandLineError> {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            match letter {
                'c' => self.chroot = true,
                'l' => self.alone = true,
                'u' => self.unprivileged = true,
                'v' => self.verbose += 1,
                // In the foreground; no limit of processes; log to standard error too.
                'd' | 'z' | 'V' => {}
                'D' | 'S' => return Err(CommandLineError::NotBuilt(letter)),
                'i' | 'm' | 'n' | 'o' | 'r' | 's' | 't' => {
                    let attached = Some(rest.as_str()).filter(|rest| !rest.is_empty()).map(str::to_owned);
                    let value = attached.or_else(|| more.next()).ok_or(CommandLineError::NoValue(letter))?;
                    return self.valued(letter, value);
                }
                other => return Err(CommandLineError::Unknown(other)),
            }
        }
        Ok(())
    }

    fn valued(&mut self, letter: char, value: String) -> Result<(), CommandLineError> {
        match letter {
            'i' => self.options.push(format!("max_idle={value}s")),
            'm' => self.options.push(format!("max_use={value}")),
            'n' => self.service = value,
            'o' => self.options.push(value),
            's' if value != "1" => return Err(CommandLineError::Sockets),
            't' => self.transport = value,
            _ => {}
        }
        Ok(())
    }

    fn word(&mut self, word: String) -> Result<(), CommandLineError> {
        let flags = word.strip_prefix("flags=").and_then(|flags| DeliveryFlags::parse(flags, "").ok());
        self.flags = flags.ok_or(CommandLineError::Word(word))?;
        Ok(())
    }
}

/// What a program of this name speaks.
#[must_use]
pub fn protocol(program: &str) -> Protocol {
    let name = Path::new(program).file_name().unwrap_or_default();
    if name.to_string_lossy().contains("lmtp") { Protocol::Lmtp } else { Protocol::Smtp }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<CommandLine, CommandLineError> {
        CommandLine::parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn what_master_gives_is_understood() {
        let line = parse(&[
            "../x/baton-smtp",
            "-n",
            "relay",
            "-t",
            "unix",
            "-uc",
            "-v",
            "-o",
            "a = b",
            "-m2",
            "flags=DR",
        ]);
        let line = line.unwrap();
        assert_eq!((line.protocol, line.service.as_str()), (Protocol::Smtp, "relay"));
        assert!(line.unprivileged && line.chroot && !line.alone && line.flags.delivered_to);
        assert_eq!((line.verbose, line.options), (1, vec!["a = b".to_owned(), "max_use=2".to_owned()]));
        let lmtp = parse(&["baton-lmtp", "-l", "-t", "unix"]).unwrap();
        assert_eq!((lmtp.protocol, lmtp.service.as_str(), lmtp.alone), (Protocol::Lmtp, "baton-lmtp", true));
    }

    #[test]
    fn what_it_cannot_do_is_refused() {
        let cases = [
            (&["smtp", "-t", "inet"][..], CommandLineError::Sockets),
            (&["smtp", "-t", "unix", "-s", "2"], CommandLineError::Sockets),
            (&["smtp", "-t", "unix", "-S"], CommandLineError::NotBuilt('S')),
            (&["smtp", "-t", "unix", "-q"], CommandLineError::Unknown('q')),
            (&["smtp", "-t"], CommandLineError::NoValue('t')),
            (&["smtp", "-t", "unix", "user=x"], CommandLineError::Word("user=x".into())),
            (&["smtp", "-t", "unix", "flags=Q"], CommandLineError::Word("flags=Q".into())),
        ];
        for (arguments, want) in cases {
            assert_eq!(parse(arguments), Err(want), "{arguments:?}");
        }
    }
}
