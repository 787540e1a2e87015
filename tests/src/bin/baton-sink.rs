//! The recording sink as a program: receives until SIGTERM or a number of messages, then reports as JSON.

use clap::Parser;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use testkit::sink::{Act, Dialect, FinalReply, Listen, Rule, Settings, Sink, Stage, json};

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
}

fn settings(args: &Args) -> Settings {
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
    settings.close_after = args.close_after;
    settings.verbose = false;
    settings
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _guard = runtime.enter();
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let sink = Sink::start(settings(&args));
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
        Some(path) => std::fs::write(path, report),
        None => std::io::stdout().write_all(report.as_bytes()),
    }
}
