//! The recording sink as a program: receives until SIGTERM or a number of messages, then reports as JSON.

use clap::{Parser, ValueEnum};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use testkit::sink::{
    Act, Begins, ClientCertificate, Dialect, FinalReply, Identity, KeyKind, Listen, Rule, Settings, Sink,
    Stage, Tls, Version, json,
};

/// Receives mail over SMTP or LMTP on the loopback, records what came, and says so in JSON.
#[derive(Parser)]
struct Args {
    /// Listen for SMTP here, for example 127.0.0.1:2600; port 0 takes a free one. May be repeated.
    #[arg(long, value_name = "ADDRESS:PORT")]
    smtp: Vec<SocketAddr>,
    /// Listen for LMTP on this Unix socket.
    #[arg(long, value_name = "PATH", conflicts_with = "smtp")]
    lmtp_unix: Vec<PathBuf>,
    /// Do not announce this extension. May be repeated.
    #[arg(long, value_name = "KEYWORD")]
    without: Vec<String>,
    /// Wait so long before the final reply.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    delay: u64,
    /// Close each connection after so many messages.
    #[arg(long, value_name = "NUMBER")]
    close_after: Option<u32>,
    /// Answer 421 to the message after so many on a connection.
    #[arg(long, value_name = "NUMBER")]
    busy_after: Option<u32>,
    /// Accept connections and never answer.
    #[arg(long)]
    blackhole: bool,
    /// Stop by itself after so many messages.
    #[arg(long, value_name = "NUMBER")]
    messages: Option<usize>,
    /// Write the report here instead of to standard output.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    tls: TlsArgs,
}

#[derive(clap::Args)]
#[command(next_help_heading = "TLS")]
struct TlsArgs {
    /// Offer STARTTLS, with a certificate made on the spot if no file is named.
    #[arg(long, conflicts_with = "implicit_tls")]
    starttls: bool,
    /// Expect TLS from the first octet.
    #[arg(long)]
    implicit_tls: bool,
    /// The certificate chain in PEM, the server's own first.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its key in PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Make the certificate with an RSA key instead of ECDSA.
    #[arg(long, conflicts_with = "cert")]
    rsa: bool,
    /// Make the certificate for this name. May be repeated.
    #[arg(long, value_name = "NAME", default_value = "sink.test", conflicts_with = "cert")]
    cert_name: Vec<String>,
    /// Write the certificate chain, in PEM, to this file.
    #[arg(long, value_name = "FILE")]
    cert_out: Option<PathBuf>,
    /// The lowest version to agree to.
    #[arg(long, value_enum, default_value = "1.2")]
    tls_min: VersionArg,
    /// The highest version to agree to.
    #[arg(long, value_enum, default_value = "1.3")]
    tls_max: VersionArg,
    /// The only cipher suite to agree to, for example TLS_AES_128_GCM_SHA256.
    #[arg(long, value_name = "IANA NAME")]
    suite: Option<String>,
    /// Send so many session tickets (TLS 1.3); 0: sessions are never resumed.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    tickets: usize,
    /// Ask for a client certificate; any is taken, and none too.
    #[arg(long)]
    ask_client_cert: bool,
    /// Say KeyUpdate before the reply to every so many messages on a connection (TLS 1.3).
    #[arg(long, value_name = "NUMBER")]
    key_update_every: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum VersionArg {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

impl From<VersionArg> for Version {
    fn from(version: VersionArg) -> Self {
        match version {
            VersionArg::Tls12 => Self::Tls12,
            VersionArg::Tls13 => Self::Tls13,
        }
    }
}

impl TlsArgs {
    /// `None` when neither kind of TLS was asked for.
    fn tls(&self) -> Option<Tls> {
        let begins = match (self.starttls, self.implicit_tls) {
            (_, true) => Begins::AtOnce,
            (true, _) => Begins::OnCommand,
            _ => return None,
        };
        let identity = match (&self.cert, &self.key) {
            (Some(certificate), Some(key)) => {
                Identity::Files { certificate: certificate.clone(), key: key.clone() }
            }
            _ => {
                let key = if self.rsa { KeyKind::Rsa } else { KeyKind::Ecdsa };
                Identity::Made { key, names: self.cert_name.clone() }
            }
        };
        Some(Tls {
            begins,
            identity,
            lowest: self.tls_min.into(),
            highest: self.tls_max.into(),
            suite: self.suite.clone(),
            tickets: self.tickets,
            client_certificate: match self.ask_client_cert {
                true => ClientCertificate::Asked,
                false => ClientCertificate::NotAsked,
            },
            key_update_every: self.key_update_every,
        })
    }
}

fn settings(args: &Args) -> Result<Settings, Failure> {
    let mut settings = if args.blackhole { Settings::blackhole() } else { Settings::smtp() };
    if !args.lmtp_unix.is_empty() {
        settings.dialect = Dialect::Lmtp;
        settings.listen = args.lmtp_unix.iter().cloned().map(Listen::Unix).collect();
    } else if !args.smtp.is_empty() {
        settings.listen = args.smtp.iter().copied().map(Listen::Tcp).collect();
    }
    for keyword in &args.without {
        settings = settings.without(keyword);
    }
    if args.delay > 0 {
        settings = settings.final_reply(FinalReply::After(Duration::from_millis(args.delay)));
    }
    if let Some(messages) = args.busy_after {
        settings =
            settings.rule(Rule::at(Stage::Mail).after(messages).act(Act::Reply("421 4.3.2 enough".into())));
    }
    if let Some(tls) = args.tls.tls() {
        let server = tls.open()?;
        if let Some(path) = &args.tls.cert_out {
            std::fs::write(path, server.pem())?;
        }
        settings = settings.tls_server(server);
    }
    settings.close_after = args.close_after;
    settings.verbose = false;
    Ok(settings)
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("baton-sink: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let settings = settings(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _guard = runtime.enter();
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let sink = Sink::start(settings);
    for address in sink.addresses() {
        println!("listening {address}");
    }
    for path in &args.lmtp_unix {
        println!("listening {}", path.display());
    }
    std::io::stdout().flush()?;
    let enough = async {
        match args.messages {
            Some(number) => {
                while sink.record().messages.len() < number {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            None => std::future::pending().await,
        }
    };
    runtime.block_on(async {
        tokio::select! { _ = term.recv() => {} _ = interrupt.recv() => {} () = enough => {} }
    });
    let report = format!("{}\n", json(&sink.record()));
    match &args.report {
        Some(path) => std::fs::write(path, report)?,
        None => std::io::stdout().write_all(report.as_bytes())?,
    }
    Ok(())
}
