//! Where TLSA records are looked for, and what each outcome becomes.

use std::path::PathBuf;
use std::time::Instant;

use super::*;
use crate::dns::Table;

const ALIAS_TLSA: &str = "_25._tcp.alias.example";
const REAL_TLSA: &str = "_25._tcp.real.example";

fn host(text: &str) -> HostName {
    HostName::parse(text, Utf8Names::Refused).unwrap()
}

/// Its data tells whose it is.
fn record(mark: u8) -> Tlsa {
    Tlsa { usage: 3, selector: 1, matching: 1, data: vec![mark; 32] }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Address {
    Secure,
    Insecure,
}

fn candidate(name: &str, canonical: Option<&str>, address: Address) -> Candidate {
    Candidate {
        host: name.into(),
        canonical: canonical.map(host),
        endpoint: Endpoint::Inet(([127, 0, 0, 1], 25).into()),
        preference: 10,
        best: true,
        secure: address == Address::Secure,
    }
}

fn real(address: Address) -> Candidate {
    candidate("real.example", None, address)
}

fn alias(address: Address) -> Candidate {
    candidate("alias.example", Some("real.example"), address)
}

fn run_for(table: &Table, candidate: &Candidate, port: u16, insecure: InsecureHosts) -> TlsaFinding {
    let (now, minute) = (Instant::now(), Duration::from_secs(60));
    let budget = Budget { now, until: now + minute, per_lookup: minute };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(find(table, candidate, port, insecure, budget))
}

fn run(table: &Table, candidate: &Candidate) -> TlsaFinding {
    run_for(table, candidate, 25, InsecureHosts::Skipped)
}

/// Validated records at these names.
fn at(names: &[(&str, u8)]) -> Table {
    names.iter().fold(Table::new(), |table, &(name, mark)| {
        table.tlsa(name, record(mark)).secure(name, RecordKind::Tlsa)
    })
}

fn none(reason: NoTlsa) -> TlsaFinding {
    TlsaFinding::None { reason }
}

/// The base domain and the mark of the first record.
fn base(finding: TlsaFinding) -> (String, u8) {
    let TlsaFinding::Records { base_domain, records, .. } = finding else { panic!("{finding:?}") };
    (base_domain.to_string(), records[0].data[0])
}

fn asked(table: &Table) -> Vec<String> {
    table.asked().iter().map(|(name, kind)| format!("{name} {kind}")).collect()
}

#[test]
fn a_secure_host_is_asked_at_its_name_and_port() {
    let table = at(&[(REAL_TLSA, 1), ("_26._tcp.real.example", 2)]).tlsa(REAL_TLSA, record(3));
    let want = TlsaFinding::Records {
        base_domain: host("real.example"),
        records: vec![record(1), record(3)],
        expires_in: LONGEST_KEPT,
        ttl: Duration::from_secs(300),
    };
    assert_eq!(run(&table, &real(Address::Secure)), want);
    let other_port = run_for(&table, &real(Address::Secure), 26, InsecureHosts::Skipped);
    assert_eq!(base(other_port), ("real.example".into(), 2));
    assert_eq!(asked(&table), [format!("{REAL_TLSA} TLSA"), "_26._tcp.real.example TLSA".into()]);
}

#[test]
fn a_name_in_any_spelling_is_asked_as_a_label() {
    let table = at(&[("_25._tcp.xn--bcher-kva.example", 1)]);
    let finding = run(&table, &candidate("B\u{fc}cher.Example", None, Address::Secure));
    assert_eq!(base(finding), ("xn--bcher-kva.example".into(), 1));
}

#[test]
fn of_a_secure_alias_the_target_comes_first() {
    let table = at(&[(REAL_TLSA, 1), (ALIAS_TLSA, 2)]);
    assert_eq!(base(run(&table, &alias(Address::Secure))), ("real.example".into(), 1));
    assert_eq!(asked(&table), [format!("{REAL_TLSA} TLSA")]);
}

#[test]
fn of_a_secure_alias_whose_target_has_none_the_alias_is_asked() {
    let table = at(&[(ALIAS_TLSA, 2)]);
    assert_eq!(base(run(&table, &alias(Address::Secure))), ("alias.example".into(), 2));
    // Records nobody vouches for are as good as none.
    let table = at(&[(ALIAS_TLSA, 2)]).tlsa(REAL_TLSA, record(1));
    assert_eq!(base(run(&table, &alias(Address::Secure))), ("alias.example".into(), 2));
    assert_eq!(run(&Table::new(), &alias(Address::Secure)), none(NoTlsa::NotFound));
}

#[test]
fn a_secure_alias_to_an_insecure_target_is_asked_at_the_alias_only() {
    let table = at(&[(REAL_TLSA, 1), (ALIAS_TLSA, 2)])
        .alias("alias.example", "real.example")
        .secure("alias.example", RecordKind::Cname);
    assert_eq!(base(run(&table, &alias(Address::Insecure))), ("alias.example".into(), 2));
    assert_eq!(asked(&table), ["alias.example CNAME".into(), format!("{ALIAS_TLSA} TLSA")]);
}

#[test]
fn an_insecure_host_is_not_asked() {
    let table = at(&[(REAL_TLSA, 1), (ALIAS_TLSA, 2)]).alias("alias.example", "real.example");
    assert_eq!(run(&table, &real(Address::Insecure)), none(NoTlsa::InsecureHost));
    assert_eq!(asked(&table), [""; 0], "it is no alias, so there is nothing to ask");
    assert_eq!(run(&table, &alias(Address::Insecure)), none(NoTlsa::InsecureHost));
    assert_eq!(asked(&table), ["alias.example CNAME"]);
    for gone in [Outcome::NoData, Outcome::NxDomain] {
        let table = at(&[(ALIAS_TLSA, 2)]).reply("alias.example", RecordKind::Cname, gone, LONGEST_KEPT);
        assert_eq!(run(&table, &alias(Address::Insecure)), none(NoTlsa::InsecureHost));
    }
}

#[test]
fn an_alias_to_what_cannot_be_named_is_an_alias() {
    let table = at(&[(ALIAS_TLSA, 2)])
        .reply("alias.example", RecordKind::Cname, Outcome::Invalid, LONGEST_KEPT)
        .secure("alias.example", RecordKind::Cname);
    assert_eq!(base(run(&table, &alias(Address::Insecure))), ("alias.example".into(), 2));
}

#[test]
fn an_insecure_host_is_asked_by_force_but_not_believed() {
    let force = |table: &Table, candidate| run_for(table, &candidate, 25, InsecureHosts::Asked);
    let table = at(&[(REAL_TLSA, 1)]);
    assert_eq!(base(force(&table, real(Address::Insecure))), ("real.example".into(), 1));
    assert_eq!(base(force(&table, alias(Address::Insecure))), ("real.example".into(), 1));
    assert!(!asked(&table).contains(&"alias.example CNAME".into()));
    let table = Table::new().tlsa(REAL_TLSA, record(1));
    assert_eq!(force(&table, real(Address::Insecure)), none(NoTlsa::NotValidated));
}

#[test]
fn absence_is_absence_whether_or_not_it_is_validated() {
    for outcome in [Outcome::NoData, Outcome::NxDomain] {
        let table = Table::new().reply(REAL_TLSA, RecordKind::Tlsa, outcome, LONGEST_KEPT);
        assert_eq!(run(&table, &real(Address::Secure)), none(NoTlsa::NotFound));
        let table = table.secure(REAL_TLSA, RecordKind::Tlsa);
        assert_eq!(run(&table, &real(Address::Secure)), none(NoTlsa::NotFound));
    }
    for reason in [NoTlsa::NotAName, NoTlsa::InsecureHost, NoTlsa::NotValidated, NoTlsa::NotFound] {
        assert_eq!(reason.to_string(), "no TLSA records found");
    }
}

#[test]
fn records_without_validation_do_not_count() {
    let table = Table::new().tlsa(REAL_TLSA, record(1));
    assert_eq!(run(&table, &real(Address::Secure)), none(NoTlsa::NotValidated));
    let table = Table::new().reply(REAL_TLSA, RecordKind::Tlsa, Outcome::Invalid, LONGEST_KEPT);
    assert_eq!(run(&table, &real(Address::Secure)), none(NoTlsa::NotValidated));
}

#[test]
fn records_that_cannot_be_read_are_there() {
    let table = Table::new()
        .reply(REAL_TLSA, RecordKind::Tlsa, Outcome::Invalid, Duration::from_secs(7))
        .secure(REAL_TLSA, RecordKind::Tlsa)
        .tlsa(ALIAS_TLSA, record(2))
        .secure(ALIAS_TLSA, RecordKind::Tlsa);
    let seven = Duration::from_secs(7);
    let want = TlsaFinding::Unreadable { base_domain: host("real.example"), expires_in: seven, ttl: seven };
    assert_eq!(run(&table, &real(Address::Secure)), want);
    assert_eq!(run(&table, &alias(Address::Secure)), want, "the alias is asked only if there are none");
}

/// Outcomes that show neither presence nor absence.
fn troubles() -> Vec<(Outcome, &'static str)> {
    let temporary = Outcome::Temporary;
    vec![
        (temporary(Trouble::Timeout), "timeout"),
        (temporary(Trouble::Rcode(2)), "server failure"),
        (temporary(Trouble::Rcode(5)), "refused with rcode 5"),
        (temporary(Trouble::Malformed("foreign\ntext".into())), "malformed or truncated reply"),
        (temporary(Trouble::Network("x".into())), "no server can be reached"),
        (Outcome::Unrecoverable(1), "refused with rcode 1"),
        (Outcome::AliasLoop, "too many aliases"),
    ]
}

fn failure(asked: &str, kind: RecordKind, trouble: &str) -> TlsaFinding {
    TlsaFinding::Failed { asked: host(asked), kind, trouble: trouble.into() }
}

#[test]
fn a_failed_lookup_is_never_absence() {
    for (outcome, trouble) in troubles() {
        for table in [Table::new(), at(&[(ALIAS_TLSA, 2)])] {
            let table = table.reply(REAL_TLSA, RecordKind::Tlsa, outcome.clone(), LONGEST_KEPT);
            let want = failure(REAL_TLSA, RecordKind::Tlsa, trouble);
            assert_eq!(run(&table, &real(Address::Secure)), want);
            assert_eq!(run(&table, &alias(Address::Secure)), want, "nor a reason to go on to the alias");
            assert_eq!(run_for(&table, &alias(Address::Insecure), 25, InsecureHosts::Asked), want);
        }
        let table = Table::new().reply(ALIAS_TLSA, RecordKind::Tlsa, outcome, LONGEST_KEPT);
        assert_eq!(run(&table, &alias(Address::Secure)), failure(ALIAS_TLSA, RecordKind::Tlsa, trouble));
    }
}

#[test]
fn a_failed_question_about_the_alias_is_not_insecurity() {
    for (outcome, trouble) in troubles() {
        let table = at(&[(ALIAS_TLSA, 2)]).reply("alias.example", RecordKind::Cname, outcome, LONGEST_KEPT);
        let want = failure("alias.example", RecordKind::Cname, trouble);
        assert_eq!(run(&table, &alias(Address::Insecure)), want);
        assert_eq!(asked(&table), ["alias.example CNAME"]);
    }
}

#[test]
fn numbers_and_paths_have_no_records() {
    let table = Table::new();
    for number in ["192.0.2.1", "2001:db8::1", "ipv6:2001:db8::1"] {
        let candidate = candidate(number, None, Address::Secure);
        assert_eq!(run_for(&table, &candidate, 25, InsecureHosts::Asked), none(NoTlsa::NotAName));
    }
    let path = Candidate { endpoint: Endpoint::Unix(PathBuf::from("private")), ..real(Address::Secure) };
    assert_eq!(run(&table, &path), none(NoTlsa::NotAName));
    assert_eq!(asked(&table), [""; 0]);
}

#[test]
fn a_name_too_long_for_the_prefix_has_no_records() {
    let long = [vec!["a".repeat(60); 4], vec!["example".into()]].concat().join(".");
    let table = Table::new();
    assert_eq!(run(&table, &candidate(&long, None, Address::Secure)), none(NoTlsa::NotFound));
    assert_eq!(asked(&table), [""; 0]);
}

#[test]
fn findings_are_kept_between_a_second_and_a_hundred() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (ttl, kept) in [(None, 1), (seconds(0), 1), (seconds(1), 1), (seconds(99), 99), (seconds(101), 100)] {
        let table = at(&[(REAL_TLSA, 1)]).change(REAL_TLSA, RecordKind::Tlsa, |reply| reply.ttl = ttl);
        let finding = run(&table, &real(Address::Secure));
        let TlsaFinding::Records { expires_in, ttl: told, .. } = finding else { panic!("{finding:?}") };
        assert_eq!((expires_in.as_secs(), told), (kept, ttl.unwrap_or_default()));
    }
}
