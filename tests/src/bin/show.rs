//! The demonstrations as a program: one table each, exit status 1 when what is shown does not hold.

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use std::time::Duration;
use testkit::peer;
use testkit::policy::namespace;
use testkit::show::{
    Verdict, blackhole, crash, exactly_once, final_reply, intake_sync, postfix_hits, postfix_kill,
    postfix_parity, postfix_volume, syscalls, tls_chain, tls_policy,
};

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// Everything sent arrives once and unchanged, over few connections.
    ExactlyOnce {
        #[arg(long, default_value_t = 10_000)]
        messages: usize,
        #[arg(long, default_value_t = 4_000)]
        size: usize,
        /// Sessions that inject at once.
        #[arg(long, default_value_t = 10)]
        sessions: usize,
        #[arg(long, default_value_t = 20)]
        concurrency: usize,
    },
    /// One delivery killed at every system call, in worker, scache and supervisor.
    Crash {
        /// Only this one: worker, scache or supervisor.
        #[arg(long)]
        victim: Option<String>,
        /// Every so-many-th call only.
        #[arg(long, default_value_t = 1)]
        step: usize,
        /// Only list the calls of an undisturbed delivery.
        #[arg(long)]
        list: bool,
    },
    /// Supervisor killed while the server sits on the final reply: one copy.
    FinalReply {
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// Blackholed destinations do not slow the others down.
    Blackhole {
        #[arg(long, default_value_t = 1_000)]
        messages: usize,
        #[arg(long, default_value_t = 5)]
        holes: usize,
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Milliseconds the good server takes for each message; 0 measures CPU more than scheduling.
        #[arg(long, default_value_t = 20)]
        delay: u64,
    },
    /// File and folder are synced before 250.
    IntakeSync {
        #[arg(long, default_value_t = 10)]
        messages: usize,
    },
    /// Our agents beside Postfix's own under one Postfix: every case run by both, and all that can be seen compared.
    PostfixParity {
        /// Only cases whose name holds this.
        #[arg(long)]
        only: Option<String>,
        /// List everything that was seen.
        #[arg(long)]
        list: bool,
        /// Already inside the namespaces.
        #[arg(long, hide = true)]
        inside: bool,
    },
    /// System calls per delivery, by program.
    Syscalls {
        #[arg(long, default_value_t = 1_000)]
        messages: usize,
        #[arg(long, default_value_t = 20)]
        concurrency: usize,
        /// Through STARTTLS.
        #[arg(long)]
        tls: bool,
    },
    /// Thousands of messages of every kind through a real queue manager, each copy once.
    PostfixVolume {
        #[command(flatten)]
        plan: postfix_volume::Plan,
        /// Already inside the namespaces.
        #[arg(long, hide = true)]
        inside: bool,
    },
    /// The same while agents and cache are killed, with reloads: nothing lost, every second copy explained.
    PostfixKill {
        #[command(flatten)]
        plan: postfix_kill::Plan,
        /// Already inside the namespaces.
        #[arg(long, hide = true)]
        inside: bool,
    },
    /// Hit rates of the connection cache by level of TLS, beside Postfix's scache.
    PostfixHits {
        #[command(flatten)]
        plan: postfix_hits::Plan,
        /// Already inside the namespaces.
        #[arg(long, hide = true)]
        inside: bool,
    },
    /// TLS policy beside Postfix 3.7: every case run by both, outcomes counted and compared.
    TlsPolicy {
        /// Run Postfix alone.
        #[arg(long)]
        postfix: bool,
        /// Only cases whose name holds this.
        #[arg(long)]
        only: Option<String>,
        /// List every outcome.
        #[arg(long)]
        list: bool,
        /// Already inside the namespaces.
        #[arg(long, hide = true)]
        inside: bool,
    },
    /// One TLS session through at least 50 processes: one handshake, one connection.
    TlsChain {
        /// Only these: rustls (our sink), postfix (OpenSSL), gnutls (Exim).
        #[arg(long, value_delimiter = ',', default_values_t = peer::KINDS)]
        servers: Vec<peer::Kind>,
        /// Only these, by the name of IANA or of OpenSSL.
        #[arg(long, value_delimiter = ',', default_values_t = peer::ALL)]
        suites: Vec<peer::Suite>,
        /// Fail unless the worker is built with this: ring or aws-lc-rs.
        #[arg(long)]
        provider: Option<tls_chain::Provider>,
        #[arg(long, default_value_t = 60)]
        messages: usize,
    },
}

fn main() -> ExitCode {
    let verdict = match Args::parse().which {
        Which::ExactlyOnce { messages, size, sessions, concurrency } => {
            let limit = Duration::from_secs(300);
            exactly_once::show(&exactly_once::Plan { messages, size, sessions, concurrency, limit })
        }
        Which::Crash { victim, step, list } => crash(victim.as_deref(), step.max(1), list),
        Which::FinalReply { rounds } => final_reply::show(rounds),
        Which::Blackhole { messages, holes, rounds, delay } => {
            let (delay, limit) = (Duration::from_millis(delay), Duration::from_secs(120));
            blackhole::show(&blackhole::Plan { messages, holes, rounds, delay, limit })
        }
        Which::IntakeSync { messages } => intake_sync::show(messages),
        Which::Syscalls { messages, concurrency, tls } => {
            let way = if tls { syscalls::Way::Tls } else { syscalls::Way::Plaintext };
            syscalls::show(messages, concurrency, way)
        }
        Which::PostfixVolume { inside: false, .. }
        | Which::PostfixKill { inside: false, .. }
        | Which::PostfixHits { inside: false, .. }
        | Which::PostfixParity { inside: false, .. }
        | Which::TlsPolicy { inside: false, .. } => namespace::go_inside(),
        Which::PostfixVolume { plan, inside: true } => postfix_volume::show(&plan),
        Which::PostfixKill { plan, inside: true } => postfix_kill::show(&plan),
        Which::PostfixHits { plan, inside: true } => postfix_hits::show(&plan),
        Which::PostfixParity { only, list, inside: true } => {
            postfix_parity::show(&postfix_parity::Plan { only, list })
        }
        Which::TlsPolicy { postfix, only, list, inside: true } => {
            let sides = if postfix { tls_policy::Sides::Postfix } else { tls_policy::Sides::Both };
            tls_policy::show(&tls_policy::Plan { sides, only, list })
        }
        Which::TlsChain { servers, suites, provider, messages } => {
            let messages = messages.max(tls_chain::Plan::LEAST);
            tls_chain::show(&tls_chain::Plan { servers, suites, provider, messages })
        }
    };
    report(verdict)
}

fn report(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Holds => {
            println!("holds");
            ExitCode::SUCCESS
        }
        Verdict::Fails => {
            println!("FAILS");
            ExitCode::FAILURE
        }
    }
}

fn crash(only: Option<&str>, step: usize, list: bool) -> Verdict {
    let wanted = |victim: crash::Victim| only.is_none_or(|name| victim.to_string() == name);
    let scenes: Vec<_> = crash::SCENES.into_iter().filter(|(victim, _)| wanted(*victim)).collect();
    if !list {
        return crash::show(&scenes, step);
    }
    for (victim, session) in scenes {
        println!("{victim}, {session} session: {}", crash::calls(victim, session).join(" "));
    }
    Verdict::Holds
}
