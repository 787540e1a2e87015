//! The command line, the order of steps, and what is said.

use crate::install::conversion::{self, Commands, Conversion, ConversionError, Unnameable};
use crate::install::edits::{Edit, diff, edited};
use crate::install::files::{FileError, Files, Kept};
use crate::install::host::{Host, HostError};
use crate::install::restoration::{Restoration, RestorationError, restore, restore_by_name};
use crate::install::review::{Notes, review};
use clap::Parser;
use rustix::fs::StatVfsMountFlags;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Puts Baton's programs into Postfix's master.cf in place of smtp and lmtp: shows the change, makes it when told,
/// takes it back. None of Postfix's own programs is touched.
#[derive(Debug, Parser)]
#[command(name = "baton-postfix-install", version, after_help = EXIT_CODES)]
pub struct Arguments {
    /// Folder of main.cf and master.cf [default: what postconf says]
    #[arg(short = 'c', value_name = "CONFIG_DIRECTORY")]
    configuration: Option<PathBuf>,
    /// Folder of baton-smtp and baton-scache [default: where this program is]
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Makes the change; as it was, master.cf is kept as master.cf.before-baton
    #[arg(long, conflicts_with = "undo")]
    apply: bool,
    /// Only this service, for a trial; may be given more than once. Without it, all that run smtp or lmtp
    #[arg(long, value_name = "SERVICE", conflicts_with = "undo")]
    only: Vec<String>,
    /// Takes the change back: master.cf becomes what it was, octet for octet. Where others edited it since, only what
    /// was put in is taken out
    #[arg(long)]
    undo: bool,
    /// With --undo: only shows what it would do
    #[arg(long, requires = "undo")]
    show: bool,
}

const EXIT_CODES: &str = "\
Without --apply or --undo the change is only shown, as a diff, with all that is against it.

Exit codes:
  0   shown, done, or nothing to do
  2   wrong command line
  65  not undone: a line of ours was edited so that it is not clear what was put in; the text names it
  69  no Postfix, none of 3.4 to 3.12, or our programs are not there
  74  a file cannot be read or written
  78  refused: master.cf or main.cf has something that our programs do not do; the text names it";

/// It was not done.
#[derive(Debug, thiserror::Error)]
enum InstallError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("{}: {error}", path.display())]
    Program { path: PathBuf, error: io::Error },
    #[error("{}: not a program", .0.display())]
    NotAProgram(PathBuf),
    #[error("{}: its file system is mounted noexec, so master cannot run it", .0.display())]
    NoExecution(PathBuf),
    #[error(transparent)]
    Unnameable(#[from] Unnameable),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("master.cf: {0}")]
    Conversion(#[from] ConversionError),
    #[error("master.cf: {error}. Nothing was changed; as it was before: {}", before.display())]
    Restoration { error: RestorationError, before: PathBuf },
    #[error("refused; nothing was changed:\n{0}")]
    Refused(String),
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl InstallError {
    fn code(&self) -> u8 {
        match self {
            Self::Restoration { .. } => 65,
            Self::Host(_)
            | Self::Program { .. }
            | Self::NotAProgram(_)
            | Self::NoExecution(_)
            | Self::Unnameable(_) => 69,
            Self::File(_) | Self::Output(_) => 74,
            Self::Conversion(_) | Self::Refused(_) => 78,
        }
    }
}

/// The whole program.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match Run::begin(arguments).and_then(|run| if arguments.undo { run.undo() } else { run.install() }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell it to.
            let _unread = writeln!(io::stderr(), "baton-postfix-install: {error}");
            ExitCode::from(error.code())
        }
    }
}

struct Run<'a> {
    arguments: &'a Arguments,
    host: Host,
    files: Files,
    current: Vec<u8>,
    kept: Option<Kept>,
}

impl<'a> Run<'a> {
    fn begin(arguments: &'a Arguments) -> Result<Self, InstallError> {
        let host = Host::ask(arguments.configuration.as_deref())?;
        let files = Files::open(&host.configuration)?;
        let (current, kept) = (files.read()?, files.kept()?);
        Ok(Self { arguments, host, files, current, kept })
    }

    /// What is to be undone in master.cf, and what it is then.
    fn without_ours(&self) -> Result<(Restoration, Vec<u8>), InstallError> {
        let restored = match &self.kept {
            Some(Kept { before, applied }) => restore(&self.current, before, applied),
            None => restore_by_name(&self.current),
        };
        let restored =
            restored.map_err(|error| InstallError::Restoration { error, before: self.files.before() })?;
        let as_left = self.kept.as_ref().filter(|kept| self.current == kept.applied);
        let text = as_left.map_or_else(|| edited(&self.current, &restored.edits), |kept| kept.before.clone());
        Ok((restored, text))
    }

    fn undo(self) -> Result<(), InstallError> {
        let (Restoration { edits, edited }, text) = self.without_ours()?;
        if edits.is_empty() {
            say("nothing to undo: master.cf has no line of this installation")?;
        } else {
            self.show(&self.current, &edits)?;
        }
        for line in edited {
            say(&format!("note: {line}: not as it was installed; only what was put in goes"))?;
        }
        if self.arguments.show {
            return Ok(());
        }
        if !edits.is_empty() {
            self.files.exchange(&self.current, &text)?;
            say(&format!("undone. Next: {}", self.reload()))?;
        }
        Ok(self.files.forget()?)
    }

    fn install(self) -> Result<(), InstallError> {
        let programs = Programs::find(self.arguments.programs.as_deref())?;
        let commands = programs.commands(&self.host.daemon_directory)?;
        let (Restoration { edits: undone, .. }, base) = self.without_ours()?;
        let conversion = conversion::convert(&base, &commands, &self.arguments.only)?;
        let new = edited(&base, &conversion.edits);
        if new == self.current {
            self.judge(&conversion, &commands)?;
            let already = if undone.is_empty() {
                "no line of master.cf runs smtp or lmtp"
            } else {
                "installed already"
            };
            return say(&format!("nothing to do: {already}"));
        }
        if undone.is_empty() {
            self.show(&base, &conversion.edits)?;
        } else {
            say("the earlier installation is taken back first:")?;
            self.show(&self.current, &undone)?;
            say("and then:")?;
            self.show(&base, &conversion.edits)?;
        }
        self.judge(&conversion, &commands)?;
        let link = programs.missing_link(&conversion);
        if let Some(link) = &link {
            say(&format!("link: {} -> baton-smtp, so that it is lmtp", link.display()))?;
        }
        if !self.arguments.apply {
            return say("nothing was changed; --apply does it");
        }
        if let Some(link) = link {
            symlink("baton-smtp", &link).map_err(|error| InstallError::Program { path: link, error })?;
        }
        if !undone.is_empty() {
            // Two steps, each of which leaves a file that can stay.
            self.files.exchange(&self.current, &base)?;
        }
        self.files.install(&base, &new)?;
        say(&format!("done; as it was: {}. Next: {}", self.files.before().display(), self.reload()))
    }

    fn judge(&self, conversion: &Conversion, commands: &Commands) -> Result<(), InstallError> {
        std::env::set_current_dir(&self.host.queue_directory)?;
        let review = review(&conversion.converted, &self.host.configuration);
        for line in &conversion.foreign {
            say(&format!("warning: {line}"))?;
        }
        for warning in noted(&review.warnings) {
            say(&format!("warning: {warning}"))?;
        }
        if commands.cache.is_none() && !conversion.edits.is_empty() {
            say(
                "warning: there is no baton-scache beside baton-smtp: sessions are not kept from one process to the next",
            )?;
        }
        let refused: Vec<String> = noted(&review.refused).collect();
        if refused.is_empty() { Ok(()) } else { Err(InstallError::Refused(refused.join("\n"))) }
    }

    fn show(&self, text: &[u8], edits: &[Edit]) -> Result<(), InstallError> {
        let name = self.files.master_cf().display().to_string();
        Ok(io::stdout().lock().write_all(&diff(&name, text, edits))?)
    }

    fn reload(&self) -> String {
        match &self.arguments.configuration {
            Some(_) => format!("postfix -c {} reload", self.host.configuration.display()),
            None => "postfix reload".into(),
        }
    }
}

fn say(line: &str) -> Result<(), InstallError> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

fn noted(notes: &Notes) -> impl Iterator<Item = String> {
    notes.iter().map(|(text, services)| format!("{text} [{}]", services.join(", ")))
}

/// Where ours are. The folder is without symbolic links, the names in it are as they are: they tell what a program does.
struct Programs {
    folder: PathBuf,
    has_cache: bool,
}

impl Programs {
    fn find(folder: Option<&Path>) -> Result<Self, InstallError> {
        let own =
            || std::env::current_exe().map(|path| path.parent().map(Path::to_owned).unwrap_or_default());
        let named = folder.map_or_else(own, |folder| Ok(folder.to_owned()))?;
        let folder = named.canonicalize().map_err(|error| InstallError::Program { path: named, error })?;
        executable(&folder.join("baton-smtp"))?;
        let cache = folder.join("baton-scache");
        let has_cache =
            cache.try_exists().map_err(|error| InstallError::Program { path: cache.clone(), error })?;
        if has_cache {
            executable(&cache)?;
        }
        Ok(Self { folder, has_cache })
    }

    fn commands(&self, daemon_directory: &Path) -> Result<Commands, Unnameable> {
        let command = |name: &str| conversion::command(&self.folder.join(name), daemon_directory);
        Ok(Commands {
            smtp: command("baton-smtp")?,
            lmtp: command("baton-lmtp")?,
            cache: if self.has_cache { Some(command("baton-scache")?) } else { None },
        })
    }

    /// A line that runs lmtp needs the program under this name.
    fn missing_link(&self, conversion: &Conversion) -> Option<PathBuf> {
        let link = self.folder.join("baton-lmtp");
        let is_lmtp = |line: &conversion::Converted| {
            line.arguments.first().is_some_and(|command| command.ends_with("/baton-lmtp"))
        };
        (conversion.converted.iter().any(is_lmtp) && !link.exists()).then_some(link)
    }
}

/// master runs it as root: so nobody else should be able to put another in its place.
fn executable(path: &Path) -> Result<(), InstallError> {
    let failed = |error| InstallError::Program { path: path.to_owned(), error };
    let about = path.metadata().map_err(failed)?;
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        return Err(InstallError::NotAProgram(path.to_owned()));
    }
    let target = path.canonicalize().map_err(failed)?;
    let mounted = rustix::fs::statvfs(&target).map_err(|error| failed(error.into()))?;
    if mounted.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return Err(InstallError::NoExecution(path.to_owned()));
    }
    for part in target.ancestors().chain(path.ancestors().skip(1)) {
        let about = part.metadata().map_err(failed)?;
        let is_sticky = about.is_dir() && about.mode() & 0o1000 != 0;
        if about.uid() != 0 || about.mode() & 0o022 != 0 && !is_sticky {
            let (path, part) = (path.display(), part.display());
            return say(&format!(
                "warning: master runs {path} as root, but others than root can change {part}"
            ));
        }
    }
    Ok(())
}
