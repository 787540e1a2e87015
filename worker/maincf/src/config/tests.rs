//! Both configurations, from defaults and from text.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::main_cf::Origin;
use crate::value::{DnsSupport, Feedback, InsecureMxPolicy, SecurityLevel};
use crate::{Deployment, Reason};

fn cf(text: &str) -> MainCf {
    MainCf::parse(text, Path::new("/etc/main.cf")).unwrap().with_system_hostname("mail.example.org")
}

#[test]
fn nothing_set_is_a_working_configuration() {
    for deployment in [Deployment::Standalone, Deployment::Postfix] {
        let cf = MainCf::none().for_deployment(deployment);
        RelayConfig::load(&cf).unwrap();
        for protocol in Protocol::ALL {
            DeliveryConfig::load(&cf, protocol).unwrap();
        }
    }
}

#[test]
fn lmtp_reads_its_own_names_and_defaults() {
    let cf = cf("lmtp_lhlo_timeout = 2m\nsmtp_helo_timeout = 3m\nlmtp_discard_lhlo_keywords = DSN\n");
    let lmtp = DeliveryConfig::load(&cf, Protocol::Lmtp).unwrap();
    assert_eq!(lmtp.timeouts.hello.get(), Duration::from_secs(120));
    assert_eq!(lmtp.timeouts.connect, None);
    assert_eq!(lmtp.connect.tcp_port.port(), Some(24));
    assert!(!lmtp.hello.skip_quit_response);
    assert!(lmtp.hello.discard_keywords.contains("dsn"));
    let smtp = DeliveryConfig::load(&cf, Protocol::Smtp).unwrap();
    assert_eq!(smtp.timeouts.hello.get(), Duration::from_secs(180));
    assert_eq!(smtp.timeouts.connect.unwrap().get(), Duration::from_secs(30));
    assert_eq!(smtp.connect.tcp_port.port(), Some(25));
    assert!(smtp.hello.skip_quit_response);
    assert!(!smtp.hello.discard_keywords.contains("dsn"));
}

#[test]
fn every_error_is_reported_with_who_set_it() {
    let mut cf = cf("x = 5x\n\nsmtp_mail_timeout = $x\nsmtp_rcpt_timeout = 0\nlmtp_rset_timeout = bad\n");
    cf.set_option("smtp_mx_address_limit=many").unwrap();
    cf.set_option("smtp_helo_name=$smtp_helo_name").unwrap();
    let errors = DeliveryConfig::load(&cf, Protocol::Smtp).unwrap_err().to_string();
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(
        lines,
        [
            "-o: smtp_mx_address_limit = many: bad value \"many\" (whole number, 0 for no limit): \
             expected a whole number: invalid digit found in string",
            "/etc/main.cf:3: smtp_mail_timeout = $x: bad value \"5x\" (time, more than 0): \
             unknown time unit \"x\": use s, m, h, d or w",
            "/etc/main.cf:4: smtp_rcpt_timeout = 0: bad value \"0\" (time, more than 0): must be at least 1",
            "-o: smtp_helo_name = $smtp_helo_name: reference loop: smtp_helo_name -> smtp_helo_name",
        ]
    );
}

/// The level in force for SMTP, or why there is none.
fn level(text: &str, deployment: Deployment) -> SecurityLevel {
    DeliveryConfig::load(&cf(text).for_deployment(deployment), Protocol::Smtp).unwrap().tls.level()
}

#[test]
fn the_level_in_force_is_the_new_one_or_what_the_older_switches_say() {
    for (text, want) in [
        ("", SecurityLevel::None),
        ("smtp_use_tls = yes", SecurityLevel::May),
        ("smtp_enforce_tls = yes", SecurityLevel::Verify),
        ("smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = no", SecurityLevel::Encrypt),
        ("smtp_enforce_tls = yes\nsmtp_tls_security_level = may", SecurityLevel::May),
        ("smtp_use_tls = yes\nsmtp_tls_security_level = none", SecurityLevel::None),
        ("smtp_tls_security_level = ${empty?{may}:{dane-only}}", SecurityLevel::DaneOnly),
        ("compatibility_level = 3.10", SecurityLevel::None),
        ("compatibility_level = 3.11", SecurityLevel::May),
    ] {
        assert_eq!(level(text, Deployment::Postfix), want, "{text}");
    }
    assert!(DeliveryConfig::load(&cf("smtp_tls_security_level = maybe"), Protocol::Smtp).is_err());
}

#[test]
fn the_relay_encrypts_where_it_can_and_never_less_than_the_older_switches_ask_for() {
    for (text, want) in [
        ("", SecurityLevel::May),
        ("smtp_use_tls = yes", SecurityLevel::May),
        ("smtp_enforce_tls = yes", SecurityLevel::Verify),
        ("smtp_enforce_tls = YES\nsmtp_tls_enforce_peername = no", SecurityLevel::Encrypt),
        ("smtp_tls_security_level = none", SecurityLevel::None),
        ("smtp_tls_security_level =\nsmtp_use_tls = no", SecurityLevel::None),
    ] {
        assert_eq!(level(text, Deployment::Standalone), want, "{text}");
    }
    let lmtp = DeliveryConfig::load(&cf("lmtp_enforce_tls = yes"), Protocol::Lmtp).unwrap();
    assert_eq!(lmtp.tls.level(), SecurityLevel::Verify);
}

#[test]
fn tls_has_other_defaults_standalone_than_under_postfix() {
    let config = |deployment| {
        let cf = MainCf::none().with_system_hostname("mail.example.org").for_deployment(deployment);
        DeliveryConfig::load(&cf, Protocol::Smtp).unwrap()
    };
    let (own, postfix) = (config(Deployment::Standalone), config(Deployment::Postfix));
    assert_eq!((own.tls.connection_reuse, postfix.tls.connection_reuse), (true, false));
    assert_eq!(own.tls_trust.fingerprint_digest, "sha256");
    assert_eq!(postfix.tls_trust.fingerprint_digest, "md5");
    assert_eq!(own.tls.dane_insecure_mx_policy, InsecureMxPolicy::Dane);
    assert_eq!(postfix.tls.dane_insecure_mx_policy, InsecureMxPolicy::Dane);
}

#[test]
fn keys_are_in_the_file_of_their_certificate_unless_said_otherwise() {
    let trust = |text: &str, protocol| DeliveryConfig::load(&cf(text), protocol).unwrap().tls_trust;
    let own = trust("smtp_tls_cert_file = /c\nlmtp_tls_eccert_file = /e\n", Protocol::Smtp);
    assert_eq!((own.key_file.as_deref(), own.eckey_file), (Some(Path::new("/c")), None));
    assert_eq!(
        trust("lmtp_tls_eccert_file = /e", Protocol::Lmtp).eckey_file.as_deref(),
        Some(Path::new("/e"))
    );
    assert_eq!(trust("", Protocol::Lmtp).secure_match, ["nexthop"]);
    assert_eq!(trust("", Protocol::Smtp).secure_match, ["nexthop", "dot-nexthop"]);
}

#[test]
fn a_grade_without_encryption_is_refused() {
    for name in ["smtp_tls_ciphers", "smtp_tls_mandatory_ciphers"] {
        let cf = cf(&format!("{name} = NULL\n"));
        let errors = DeliveryConfig::load(&cf, Protocol::Smtp).unwrap_err();
        assert!(matches!(errors.0[0].reason, Reason::Refused(_)), "{name}");
        assert!(matches!(errors.0[0].origin, Origin::File { line: 1, .. }));
        assert!(RelayConfig::load(&cf).is_err(), "{name}");
    }
}

#[test]
fn wrong_values_are_errors_even_where_nothing_reads_them() {
    let load = |text: &str| DeliveryConfig::load(&cf(text), Protocol::Smtp);
    assert!(load("smtp_tls_enable_rpk = perhaps").is_err());
    assert!(load("smtp_dns_resolver_options = res_dnssearch").is_err());
    assert!(load("smtp_tls_loglevel = loud").is_err());
}

#[test]
fn transports_inherit_and_override() {
    let cf = cf("default_transport = slow:[relay.example]\n\
         default_destination_concurrency_limit = 7\n\
         slow_destination_concurrency_limit = 1\n\
         lmtp_destination_concurrency_positive_feedback = 1/concurrency\n\
         initial_destination_concurrency = 2\n");
    let relay = RelayConfig::load(&cf).unwrap();
    assert_eq!(relay.routing.default_transport.nexthop.as_deref(), Some("[relay.example]"));
    assert_eq!(relay.transports["smtp"].concurrency_limit.unwrap().get(), 7);
    assert_eq!(relay.transports["slow"].concurrency_limit.unwrap().get(), 1);
    assert_eq!(relay.transports["slow"].initial_concurrency.get(), 2);
    assert_eq!(relay.transports["lmtp"].positive_feedback, Feedback::PerConcurrency(1.0));
    assert_eq!(relay.transports["smtp"].positive_feedback, Feedback::Constant(1.0));
    assert_eq!(TransportLimits::of(&cf, "slow").unwrap().recipient_limit.unwrap().get(), 50);
}

#[test]
fn names_come_from_the_system_unless_set() {
    let identity = |cf: &MainCf| {
        let identity = RelayConfig::load(cf).unwrap().identity;
        (identity.hostname.to_string(), identity.domain.to_string())
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(identity(&cf("")), pair("mail.example.org", "example.org"));
    assert_eq!(identity(&cf("mydomain = example.net")), pair("mail.example.org", "example.net"));
    assert_eq!(identity(&cf("myhostname = a.b.example")), pair("a.b.example", "b.example"));
    assert_eq!(identity(&cf("").with_system_hostname("box")), pair("box.localdomain", "localdomain"));
    let with_domain = cf("mydomain = example.net").with_system_hostname("box");
    assert_eq!(identity(&with_domain), pair("box.example.net", "example.net"));
    let circle = cf("mydomain = $myhostname").with_system_hostname("box");
    assert_eq!(identity(&circle), pair("box.localdomain", "box.localdomain"));
    assert_eq!(identity(&cf("myhostname = box.$mydomain")), pair("box.localdomain", "localdomain"));
}

#[test]
fn values_may_refer_to_names_without_a_row() {
    let cf = cf(
        "smtpd_banner = $mail_version ${data_directory} $lmtp_sasl_tls_security_options|$no_such_name|\nlmtp_sasl_security_options = /c",
    );
    let banner = RelayConfig::load(&cf).unwrap().intake.banner;
    assert_eq!(banner, concat!(env!("CARGO_PKG_VERSION"), " /var/lib/postfix /c||"));
}

#[test]
fn old_names_feed_the_new_ones() {
    let config = |text: &str| DeliveryConfig::load(&cf(text), Protocol::Smtp).unwrap();
    assert!(!config("").timeouts.per_request_deadline);
    assert!(config("smtp_per_record_deadline = yes").timeouts.per_request_deadline);
    assert!(!config("lmtp_per_record_deadline = yes").timeouts.per_request_deadline);
    assert_eq!(config("fallback_relay = a, b").nexthop.fallback_relay, ["a", "b"]);
    assert_eq!(config("disable_dns_lookups = yes").dns.support(), DnsSupport::Disabled);
    let both = config("disable_dns_lookups = yes\nsmtp_dns_support_level = enabled");
    assert_eq!(both.dns.support(), DnsSupport::Enabled);
}

#[test]
fn the_relay_has_defaults_of_its_own_that_are_not_postfix_s() {
    let relay = RelayConfig::load(&cf("")).unwrap();
    assert_eq!(relay.paths.queue_directory, Path::new("/var/spool/baton"));
    assert_eq!(relay.intake.banner, "mail.example.org ESMTP Baton");
    let postfix = RelayConfig::load(&cf("").for_deployment(Deployment::Postfix)).unwrap();
    assert_eq!(postfix.paths.queue_directory, Path::new("/var/spool/postfix"));
    assert_eq!(&*postfix.log.syslog_name, "postfix");
}
