//! The decision table of DANE, every row, and that no row leads from records in force to plaintext.

use super::*;

const ALL_MX: [InsecureMxPolicy; 3] =
    [InsecureMxPolicy::May, InsecureMxPolicy::Encrypt, InsecureMxPolicy::Dane];

fn digests() -> DaneDigests {
    DaneDigests::read(&["sha512".into(), "sha256".into()]).unwrap()
}

fn good() -> Tlsa {
    Tlsa { usage: 3, selector: 1, matching: 1, data: vec![1; 32] }
}

fn bad() -> Tlsa {
    Tlsa { usage: 1, selector: 1, matching: 1, data: vec![1; 32] }
}

fn records(records: Vec<Tlsa>, mx_secure: bool) -> DaneFinding {
    DaneFinding::Records {
        base_domain: "mx.example".into(),
        records,
        mx_secure,
        expires_in: Duration::from_secs(9),
    }
}

fn outcome(wanted: Wanted, finding: &DaneFinding, mx: InsecureMxPolicy) -> Result<Level, String> {
    decide(wanted, finding, mx, &digests()).map(|decision| decision.level).map_err(|error| error.text)
}

#[test]
fn every_row_of_the_table() {
    use InsecureMxPolicy as Mx;
    use Wanted::{Dane, DaneOnly};
    let off = DaneFinding::Off { reason: "why".into() };
    let error = DaneFinding::LookupError { host: "mx.example".into(), port: 25 };
    let lookup = || Err("TLSA lookup error for mx.example:25".to_owned());
    let text = |text: &str| Err::<Level, _>(text.to_owned());
    for mx in ALL_MX {
        assert_eq!(outcome(Dane, &off, mx), Ok(Level::May));
        assert_eq!(outcome(DaneOnly, &off, mx), text("why"));
        assert_eq!(outcome(Dane, &DaneFinding::none(), mx), Ok(Level::May));
        assert_eq!(outcome(DaneOnly, &DaneFinding::none(), mx), text("no TLSA records found"));
        assert_eq!(outcome(Dane, &error, mx), lookup());
        assert_eq!(outcome(DaneOnly, &error, mx), lookup());
        assert_eq!(outcome(Dane, &records(vec![good()], true), mx), Ok(Level::Dane));
        assert_eq!(outcome(DaneOnly, &records(vec![good()], true), mx), Ok(Level::DaneOnly));
        assert_eq!(outcome(Dane, &records(vec![bad()], true), mx), Ok(Level::Encrypt));
        assert_eq!(outcome(DaneOnly, &records(vec![bad()], true), mx), text("TLSA records unusable"));
        assert_eq!(outcome(Dane, &records(vec![], true), mx), Ok(Level::May));
        assert_eq!(outcome(DaneOnly, &records(vec![], true), mx), text("no TLSA records found"));
        for set in [vec![good()], vec![bad()], vec![]] {
            assert_eq!(outcome(DaneOnly, &records(set, false), mx), text("non DNSSEC destination"));
        }
    }
    for (mx, with_good, with_bad) in [
        (Mx::May, Level::May, Level::May),
        (Mx::Encrypt, Level::Encrypt, Level::Encrypt),
        (Mx::Dane, Level::HalfDane, Level::Encrypt),
    ] {
        assert_eq!(outcome(Dane, &records(vec![good()], false), mx), Ok(with_good));
        assert_eq!(outcome(Dane, &records(vec![bad()], false), mx), Ok(with_bad));
        assert_eq!(outcome(Dane, &records(vec![], false), mx), Ok(Level::May));
    }
}

#[test]
fn levels_of_dane_have_records_and_others_have_none() {
    for wanted in [Wanted::Dane, Wanted::DaneOnly] {
        for set in [vec![good()], vec![bad()], vec![bad(), good()], vec![]] {
            for (mx_secure, mx) in [true, false].into_iter().flat_map(|secure| ALL_MX.map(|mx| (secure, mx)))
            {
                let Ok(decision) = decide(wanted, &records(set.clone(), mx_secure), mx, &digests()) else {
                    continue;
                };
                assert_eq!(decision.level.is_dane(), !decision.usable.is_empty());
                assert_eq!(decision.level > Level::May, decision.base_domain.is_some());
                assert!(wanted == Wanted::Dane || decision.level == Level::DaneOnly);
            }
        }
    }
}

#[test]
fn hosts_are_skipped_before_a_connection_and_local_faults_are_told() {
    let error =
        decide(Wanted::DaneOnly, &DaneFinding::none(), InsecureMxPolicy::Dane, &digests()).unwrap_err();
    assert_eq!((error.status, error.before_connecting, error.warning), ("4.7.5", true, None));
    let off = DaneFinding::Off { reason: "why".into() };
    let decision = decide(Wanted::Dane, &off, InsecureMxPolicy::Dane, &digests()).unwrap();
    assert_eq!(decision.warning.as_deref(), Some("why"));
}
