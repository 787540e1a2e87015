//! Both configurations, from defaults and from text.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::main_cf::Origin;
use crate::value::{DnsSupport, Feedback, SecurityLevel};
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

#[test]
fn a_level_that_forbids_plaintext_is_refused() {
    for level in ["encrypt", "dane-only", "${empty?{may}:{verify}}"] {
        let cf = cf(&format!("smtp_tls_security_level = {level}\n"));
        let errors = DeliveryConfig::load(&cf, Protocol::Smtp).unwrap_err();
        assert!(matches!(errors.0[0].reason, Reason::Refused(_)), "{level}");
        assert!(matches!(errors.0[0].origin, Origin::File { line: 1, .. }));
        assert!(RelayConfig::load(&cf).is_err(), "{level}");
    }
    let config = DeliveryConfig::load(&cf("smtp_tls_security_level = may\n"), Protocol::Smtp).unwrap();
    assert_eq!(config.tls.security_level, SecurityLevel::May);
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
        "smtpd_banner = $mail_version ${data_directory} $lmtp_tls_key_file|$no_such_name|\nlmtp_tls_cert_file = /c",
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
