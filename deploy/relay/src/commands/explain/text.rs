//! An explanation for people: a name, and what there is to say of it, line by line.

use super::{Findings, fitting};
use proto::steward::Listed;
use std::fmt::Write as _;
use worker::delivery::explain::{Hop, HostReport, Keeping, Lookup, Then, Tls, Trouble, Validation};

/// Lines under two margins.
#[derive(Default)]
struct Page(String);

impl Page {
    /// A name, then a text; further lines of one name leave it out.
    fn line(&mut self, indent: usize, name: &str, text: &str) {
        let width = 14 - indent;
        let line = format!("{:indent$}{name:<width$} {text}", "");
        let _ = writeln!(self.0, "{}", line.trim_end());
    }

    fn lines(&mut self, indent: usize, name: &str, texts: impl IntoIterator<Item = String>) {
        for (at, text) in texts.into_iter().enumerate() {
            self.line(indent, if at == 0 { name } else { "" }, &text);
        }
    }
}

pub(super) fn text(findings: &Findings) -> String {
    let Findings { target, routed, waits, explanation, parked } = findings;
    let mut page = Page::default();
    page.line(0, if routed.is_some() { "address" } else { "next hop" }, target);
    let transport = format!("{} ({})", explanation.transport, explanation.protocol);
    match routed {
        Some(routed) => {
            page.line(0, "transport", &format!("{transport}, by {}", routed.transport_by));
            let nexthop = &routed.destination.nexthop;
            page.line(0, "next hop", &format!("{nexthop}, by {}", routed.nexthop_by));
        }
        None => page.line(0, "transport", &transport),
    }
    if *waits {
        page.line(0, "", "defer_transports has it: its mail waits until `baton queue flush`");
    }
    if let Some(trouble) = &explanation.trouble {
        page.line(0, "trouble", &told(trouble));
    }
    for hop in &explanation.hops {
        let parked = parked.as_deref().map_err(String::as_str);
        hop_lines(&mut page, hop, explanation.login_enabled, &explanation.transport, parked);
    }
    page.0
}

fn hop_lines(
    page: &mut Page,
    hop: &Hop,
    login_enabled: bool,
    transport: &str,
    parked: Result<&[Listed], &str>,
) {
    let fallback = if hop.fallback { "fallback relay" } else { "next hop" };
    page.0.push('\n');
    page.line(0, fallback, &hop.nexthop);
    page.lines(2, "lookup", hop.lookups.iter().map(lookup));
    let route = match hop.origin {
        Some("mx") => Some(match hop.mx_validation {
            Some(Validation::Secure) => "by MX records, which are validated".to_owned(),
            Some(Validation::Insecure) => "by MX records, which nobody has validated".to_owned(),
            _ => "by MX records".to_owned(),
        }),
        Some("implicit-mx") => Some("there is no MX: the domain's own addresses".to_owned()),
        Some("host") => Some("a host: its addresses".to_owned()),
        Some("literal") => Some("an address: nothing is looked up".to_owned()),
        Some(_) => Some("a socket of this machine: nothing is looked up".to_owned()),
        None => None,
    };
    if let Some(route) = route {
        let looked_up = hop.fresh_s.filter(|_| !hop.lookups.is_empty());
        let fresh = looked_up.map(|seconds| format!("; true for {seconds} s")).unwrap_or_default();
        page.line(2, "route", &format!("{route}{fresh}"));
    }
    if hop.i_am_mx && !hop.hosts.is_empty() {
        page.line(
            2,
            "self",
            "this machine is one of its exchangers: worse ones and later next hops are left out",
        );
    }
    if let Some(trouble) = &hop.trouble {
        page.line(2, "trouble", &told(trouble));
    }
    page.line(2, "sessions", &keeping(&hop.keeping));
    for (at, host) in hop.hosts.iter().enumerate() {
        host_lines(page, at + 1, host, login_enabled, parked.map(|all| fitting(all, transport, &host.relay)));
    }
}

fn host_lines(
    page: &mut Page,
    number: usize,
    host: &HostReport,
    login_enabled: bool,
    parked: Result<Vec<&Listed>, &str>,
) {
    let mut about = host.relay.clone();
    if host.preference > 0 {
        let _ = write!(about, ", preference {}", host.preference);
    }
    about.push_str(match host.validation {
        Validation::Secure => ", address validated",
        Validation::Insecure => ", address not validated",
        Validation::Unknown | Validation::Unused => "",
    });
    if let Some(bind) = &host.bind {
        let _ = write!(about, ", from {bind}");
    }
    if !host.within_limit {
        about.push_str("; beyond the limit of addresses, not tried");
    }
    page.line(2, &format!("host {number}"), &about);
    page.lines(4, "lookup", host.lookups.iter().map(lookup));
    if let Some(tls) = &host.tls {
        page.lines(4, "TLS", tls_lines(tls));
    }
    match &host.login {
        Some(login) => {
            page.line(4, "login", &format!("{}, by password table, key {}", login.user, login.key));
            if login.unchecked_host {
                page.line(4, "", "MX records name this host, and nothing checks that it is the right one");
            }
        }
        None if login_enabled => page.line(4, "login", "no entry in the password table"),
        None => page.line(4, "login", "not enabled"),
    }
    if let Some(trouble) = &host.trouble {
        page.line(4, "trouble", &told(trouble));
    }
    match parked {
        Ok(sessions) if sessions.is_empty() => page.line(4, "parked", "no session"),
        Ok(sessions) => page.lines(4, "parked", sessions.into_iter().map(session)),
        Err(why) => page.line(4, "parked", &format!("not known: {why}")),
    }
}

fn lookup(lookup: &Lookup) -> String {
    let what = match (lookup.outcome, lookup.answers.as_slice()) {
        ("found", answers) => answers.join(", "),
        (outcome, []) => outcome.replace('-', " "),
        (outcome, answers) => format!("{}: {}", outcome.replace('-', " "), answers.join(", ")),
    };
    let validation = match lookup.validation {
        Validation::Secure => "validated: ",
        Validation::Insecure => "not validated: ",
        Validation::Unknown | Validation::Unused => "",
    };
    let alias = lookup.canonical.as_ref().map(|name| format!(" (as {name})")).unwrap_or_default();
    format!("{} {}{alias}: {validation}{what}", lookup.name, lookup.kind)
}

fn tls_lines(tls: &Tls) -> Vec<String> {
    let usage = match (tls.usage, tls.level) {
        (_, None) => format!("level {} cannot be met", tls.asked),
        ("required", Some(level)) => format!("level {level}, required"),
        ("if-offered", Some(level)) => format!("level {level}, if the server offers it"),
        ("never", Some(level)) => format!("level {level}, not used"),
        (_, Some(level)) => format!("level {level}, and TLS cannot be had"),
    };
    let asked = if tls.level.is_some_and(|level| level != tls.asked) {
        format!(" (asked for: {})", tls.asked)
    } else {
        String::new()
    };
    let mut lines = vec![format!("{usage}{asked}, by {}", tls.place)];
    lines.extend(tls.dane.as_ref().map(|dane| format!("DANE: {}", dane.text)));
    lines.extend(tls.accepts.iter().map(|one| format!("accepts {one}")));
    lines.extend(tls.sni.as_ref().map(|sni| format!("asks for server name {sni}")));
    if !tls.handed_on && tls.usage != "never" {
        lines.push("encrypted sessions are not parked".to_owned());
    }
    lines.extend(tls.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines
}

fn told(trouble: &Trouble) -> String {
    let then = match trouble.then {
        Then::NextHost => "this host is passed over",
        Then::NextNexthop => "the next one is tried",
        Then::Deferred => "the mail would wait",
        Then::Bounced => "the mail would be returned",
    };
    format!("{} {}: {then}", trouble.status, trouble.text)
}

fn keeping(keeping: &Keeping) -> String {
    let Keeping { permanent, on_demand, idle_s, reuse_time_s, reuse_count } = *keeping;
    let when = match (permanent, on_demand) {
        (true, _) => "always parked",
        (false, true) => "parked while there is a backlog",
        (false, false) => return "never parked".to_owned(),
    };
    let uses = reuse_count.map(|uses| format!(", for at most {uses} messages")).unwrap_or_default();
    format!("{when}: for {idle_s} s at a time, up to {reuse_time_s} s after the connection was made{uses}")
}

fn session(session: &Listed) -> String {
    let idle = session.idle_ms / 1000;
    let left = session.expires_ms / 1000;
    let nexthop = &session.label.nexthop;
    format!(
        "one for {nexthop}, idle {idle} s, expires in {left} s; used if policy and credential are the same"
    )
}
