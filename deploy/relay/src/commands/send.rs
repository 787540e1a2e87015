//! `baton send`, and `sendmail` where a link of that name leads here: standard input becomes a message of the relay.

mod caller;
mod collected;
mod dialogue;
mod verify;

use super::{Arguments, Failure, SettingsArguments, queue};
use crate::run::intake_address_path;
use crate::settings::Source;
use crate::submission::{Letter, Notices, Submission, SubmissionError};
use clap::CommandFactory;
use collected::{CollectError, Collected};
use intake::SysExit;
use intake::submit::{Composer, Fed, Invocation, SubmitError, SubmitOptions, Submitted, parse_arguments};
use maincf::RelayConfig;
use smtp::Body;
use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;

/// The options of `baton send`, for its help.
pub(super) const HELP: &str = "\
Options, as sendmail(1) has them:
  -t             take recipients from To:, Cc: and Bcc: (Bcc: is removed), besides those named
  -f ADDRESS     envelope sender; <> for none [default: the login name]
  -F NAME        name for the From: that is added if there is none
  -i, -oi        a line with a single dot does not end the message
  -B 7BIT|8BITMIME
  -N WHEN        notices to ask for: never, or a list of success, failure, delay
  -R full|hdrs   how much of the message a notice returns
  -V ENVID       what notices call the message
  -bm            send a message (the default)
  -bv            send nothing: ask whether mail would be taken, and mail a report to the sender
                 (for the relay's own user and root)
  -bs            speak SMTP on standard input and output
  -bp, -q        as `baton queue list` and `baton queue flush`
  -v, -oX, ...   what only tunes sendmail itself is accepted and has no effect

Before all of these, since -C and -o are sendmail's own:
  --config FILE          main.cf to read [default: BATON_CONFIG, then /etc/baton/main.cf]
  --option NAME=VALUE    set a parameter over the file's value; may be given several times

Exit codes (sysexits.h): 0 it is in the queue; 64 wrong usage; 65 wrong message or address; 67 no such recipient;
69 refused, or not done here; 75 the relay is down or full, try again; 78 wrong configuration.";

/// `baton send`.
pub(super) fn send(arguments: Vec<OsString>) -> Result<(), Failure> {
    if arguments.first().is_some_and(|first| first == "--help") {
        let mut all = Arguments::command();
        all.build();
        return match all.find_subcommand_mut("send") {
            Some(command) => Ok(command.print_help()?),
            None => Err(Failure::new(SysExit::Software, "no help")),
        };
    }
    let (settings, rest) = leading(arguments)?;
    perform(&settings, rest)
}

/// The program `sendmail`: its arguments are all its own.
pub(super) fn sendmail(arguments: Vec<OsString>) -> Result<(), Failure> {
    perform(&SettingsArguments::default(), arguments)
}

/// Our own long options, which sendmail does not have, stand before everything else.
fn leading(arguments: Vec<OsString>) -> Result<(SettingsArguments, Vec<OsString>), Failure> {
    let mut settings = SettingsArguments::default();
    let mut rest = arguments.into_iter().peekable();
    loop {
        let text = rest.peek().and_then(|argument| argument.to_str()).unwrap_or_default();
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
            None => (text.to_owned(), None),
        };
        if name != "--config" && name != "--option" {
            return Ok((settings, rest.collect()));
        }
        rest.next();
        let missing = || Failure::new(SysExit::Usage, format!("{name} needs a value"));
        let value = attached.or_else(|| rest.next()).ok_or_else(missing)?;
        if name == "--config" {
            settings.config = Some(value.into());
        } else {
            let text =
                value.into_string().map_err(|_| Failure::new(SysExit::Usage, "--option is not UTF-8"))?;
            settings.option.push(text);
        }
    }
}

fn perform(settings: &SettingsArguments, arguments: Vec<OsString>) -> Result<(), Failure> {
    match parse_arguments(arguments)? {
        Invocation::ShowQueue => queue::list(settings, false),
        Invocation::Flush => queue::flush(settings, None, false),
        Invocation::Dialogue => dialogue::pass_through(intake_address(&configuration(&settings.source())?)),
        Invocation::Verify(options) => verify::verify(&configuration(&settings.source())?, options),
        Invocation::Submit(options) => submit(&configuration(&settings.source())?, options),
    }
}

fn configuration(source: &Source) -> Result<RelayConfig, Failure> {
    let cf = source.read().map_err(Failure::configuration)?;
    RelayConfig::load(&cf).map_err(Failure::configuration)
}

/// Where the running relay of this configuration listens.
fn intake_address(config: &RelayConfig) -> Result<SocketAddr, Failure> {
    let path = intake_address_path(&config.paths.run_directory);
    let down = |what: &dyn std::fmt::Display| {
        let text = format!(
            "no relay runs here: {}: {what}; is `baton relay` running, and is baton_run_directory the same?",
            path.display()
        );
        Failure::new(SysExit::TempFail, text)
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let address = text.lines().next().and_then(|line| line.parse().ok());
            address.ok_or_else(|| down(&"it holds no address"))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            // The configuration says it as well, unless the port is the system's choice.
            let fixed = config.intake.listen.iter().find(|address| address.port() != 0);
            fixed.copied().ok_or_else(|| down(&error))
        }
        Err(error) => Err(down(&error)),
    }
}

fn submit(config: &RelayConfig, options: SubmitOptions) -> Result<(), Failure> {
    let origin = config.identity.origin.read();
    let origin = origin.map_err(|error| Failure::configuration(format!("myorigin: {error}")))?;
    let caller = caller::caller(origin, &options)?;
    let asked = options.clone();
    let mut composer = Composer::new(options, caller)?;
    let limit = config.queue.message_size_limit.map(|limit| limit.get());
    let mut message = Collected::new(limit);
    read(&mut std::io::stdin().lock(), &mut composer, &mut message)?;
    let mut rest = Vec::new();
    let submitted = composer.finish(&mut rest)?;
    message.write(&rest)?;
    hand_in(config, &submitted, notices(&asked), &mut message)
}

fn notices(options: &SubmitOptions) -> Notices<'_> {
    Notices {
        notify: options.notify.map(|intake::Notify { success, failure, delay }| smtp::Notify {
            success,
            failure,
            delay,
        }),
        ret: options.ret.map(|ret| match ret {
            intake::Ret::Full => smtp::Ret::Full,
            intake::Ret::Headers => smtp::Ret::Hdrs,
        }),
        envid: options.envid.as_deref(),
    }
}

fn read(input: &mut impl Read, composer: &mut Composer, message: &mut Collected) -> Result<(), Failure> {
    let mut piece = vec![0; 64 * 1024];
    let mut ready = Vec::new();
    loop {
        let count = match input.read(&mut piece) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::new(SysExit::TempFail, format!("standard input: {error}"))),
        };
        let fed = composer.feed(piece.get(..count).unwrap_or_default(), &mut ready)?;
        message.write(&ready)?;
        ready.clear();
        if count == 0 || fed == Fed::Ended {
            return Ok(());
        }
    }
}

/// To as many recipients at once as the relay takes.
fn hand_in(
    config: &RelayConfig,
    submitted: &Submitted,
    notices: Notices<'_>,
    message: &mut Collected,
) -> Result<(), Failure> {
    let envelope = &submitted.envelope;
    let sender = envelope.sender.unquoted();
    let recipients: Vec<_> = envelope.recipients.iter().map(|mailbox| mailbox.unquoted()).collect();
    let body = if submitted.has_8bit { Body::EightBitMime } else { Body::Undeclared };
    let mut submission = Submission::connect(intake_address(config)?, &config.identity.hostname)?;
    let most = config.intake.recipient_limit.get() as usize;
    let mut accepted = 0;
    for some in recipients.chunks(most.max(1)) {
        let size = submitted.size;
        let mut content = message.reader().map_err(SubmissionError::Content)?;
        let letter = Letter { sender: &sender, recipients: some, size, body, notices, content: &mut content };
        if let Err(error) = submission.hand_in(letter) {
            let Failure { text, code } = error.into();
            let text = match accepted {
                0 => text,
                _ => format!("{text} (the first {accepted} of {} recipients get it)", recipients.len()),
            };
            return Err(Failure { text, code });
        }
        accepted += some.len();
    }
    // It is on the relay's disk; how the conversation ends changes nothing.
    let _safe = submission.quit();
    Ok(())
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        Self::new(error.exit(), error)
    }
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Self {
        let code = match error {
            CollectError::TooLong(_) => SysExit::DataErr,
            CollectError::Temporary(_) => SysExit::TempFail,
        };
        Self::new(code, error)
    }
}

impl From<SubmissionError> for Failure {
    fn from(error: SubmissionError) -> Self {
        let code = match &error {
            SubmissionError::Refused { status, .. } => exit_of(*status),
            SubmissionError::Name(_) => SysExit::Config,
            _ => SysExit::TempFail,
        };
        Self::new(code, error)
    }
}

/// RFC 3463: 5.1.x is about an address (5.1.7 and 5.1.8 about the sender's), 5.3.4 and 5.6.x about the content.
fn exit_of(status: smtp::Status) -> SysExit {
    match status.to_string().as_str() {
        "5.1.7" | "5.1.8" | "5.3.4" => SysExit::DataErr,
        text if text.starts_with("5.1.") => SysExit::NoUser,
        text if text.starts_with("5.4.") || text.starts_with("5.6.") => SysExit::DataErr,
        _ => SysExit::Unavailable,
    }
}

#[cfg(test)]
mod tests;
