//! Warnings and refusals over whole files.

use std::path::Path;

use super::*;

fn cf(text: &str) -> MainCf {
    MainCf::parse(text, Path::new("/m")).unwrap().with_system_hostname("mail.example.org")
}

fn lines(text: &str) -> Vec<String> {
    warnings(&cf(text)).iter().map(ToString::to_string).collect()
}

fn refused_names(text: &str) -> Vec<String> {
    refused(&cf(text)).into_iter().map(|error| error.name).collect()
}

/// What Debian's package installs, with a relay host.
const DEBIAN: &str = r"
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
readme_directory = no
compatibility_level = 3.6
smtpd_tls_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem
smtpd_tls_key_file=/etc/ssl/private/ssl-cert-snakeoil.key
smtpd_tls_security_level=may
smtp_tls_security_level=may
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = mail.example.org
alias_maps = hash:/etc/aliases
alias_database = hash:/etc/aliases
myorigin = /etc/mailname
mydestination = $myhostname, localhost
relayhost = [relay.example]
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
inet_protocols = all
";

#[test]
fn a_real_file_gives_a_few_lines_only() {
    assert_eq!(
        lines(DEBIAN),
        [
            "/m:11: smtp_tls_session_cache_database is set but not acted on yet: \
             sessions are handed on alive instead of being resumed",
            "10 settings belong to programs that Baton does not replace: alias_database, alias_maps, \
             biff, mailbox_size_limit, mynetworks, readme_directory, \
             smtpd_relay_restrictions, smtpd_tls_cert_file, smtpd_tls_key_file, smtpd_tls_security_level",
        ]
    );
    assert_eq!(refused_names(DEBIAN), [""; 0]);
    let postfix = warnings(&cf(DEBIAN).for_deployment(Deployment::Postfix));
    assert_eq!(postfix.len(), 1);
}

#[test]
fn what_would_weaken_security_is_refused_by_name() {
    let text =
        "smtp_tls_ciphers = null\nlmtp_tls_mandatory_ciphers = null\nsmtp_requiretls_policy = enforce\n";
    assert_eq!(
        refused_names(text),
        ["lmtp_tls_mandatory_ciphers", "smtp_requiretls_policy", "smtp_tls_ciphers",]
    );
    assert!(lines(text).is_empty(), "what is refused is not warned about as well");
}

#[test]
fn a_login_needs_a_table_of_passwords() {
    assert_eq!(refused_names("smtp_sasl_auth_enable = yes"), ["smtp_sasl_auth_enable"]);
    assert_eq!(
        refused_names("lmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/x"),
        ["lmtp_sasl_auth_enable"]
    );
    assert_eq!(refused_names("smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/x"), [""; 0]);
    assert_eq!(refused_names("smtp_sasl_auth_enable = no\nlmtp_sasl_password_maps = hash:/x"), [""; 0]);
}

#[test]
fn settings_of_tls_act_or_say_what_holds_instead() {
    let acts = "smtp_tls_policy_maps = static:encrypt\nsmtp_tls_CAfile = /x\nlmtp_tls_security_level = secure\n\
                smtp_tls_wrappermode = yes\nsmtp_enforce_tls = yes\nlmtp_tls_fingerprint_cert_match = a\n\
                smtp_dns_support_level = dnssec\nsmtp_tls_loglevel = 2\n\
                smtp_tls_ciphers = export\ntls_disable_workarounds = 0x1\ntls_ssl_options = NO_TICKET\n";
    assert_eq!(lines(acts), [""; 0]);
    assert_eq!(refused_names(acts), [""; 0]);
    let others = "smtp_tls_loglevel = 3\ntls_low_cipherlist = LOW\nsmtp_tls_enable_rpk = yes\ntls_config_file = /x\n\
                  smtp_tls_dcert_file = /x\ntls_ssl_options = 0x4\nsmtp_dns_resolver_options = res_dnsrch\n";
    assert_eq!(
        lines(others),
        [
            "/m:7: smtp_dns_resolver_options is set but not acted on yet: names are never completed: they are asked \
             for as they are",
            "/m:5: smtp_tls_dcert_file is set but not acted on yet: there is no DSA in the library; \
             the certificate is not used",
            "/m:3: smtp_tls_enable_rpk is set but not acted on yet: servers are asked for certificates, \
             which every server has",
            "/m:1: smtp_tls_loglevel is set but not acted on yet: packets are never logged: it is as level 2",
            "/m:4: tls_config_file is set but not acted on yet: there is no OpenSSL here to configure",
            "/m:2: tls_low_cipherlist is set but not acted on yet: grade low means medium",
            "/m:6: tls_ssl_options is set but not acted on yet: there is no OpenSSL here; of its options only \
             those hold that switch off what is not there",
        ]
    );
    assert_eq!(refused_names(others), [""; 0]);
}

#[test]
fn settings_of_servers_that_look_like_ours_are_theirs() {
    let text = "tls_preempt_cipherlist = yes\ntls_server_sni_maps = hash:/x\nsmtpd_tls_loglevel = 1\n\
                tlsproxy_client_security_level = may\n";
    assert_eq!(
        lines(text),
        ["4 settings belong to programs that Baton does not replace: smtpd_tls_loglevel, \
          tls_preempt_cipherlist, tls_server_sni_maps, tlsproxy_client_security_level"]
    );
}

#[test]
fn the_default_written_out_is_not_worth_a_word() {
    let text = "smtp_sasl_auth_enable = no\nsmtp_tls_policy_maps =\nsmtp_cname_overrides_servername = no\n\
                smtp_sasl_security_options = noplaintext, noanonymous\nsmtp_tls_security_level = none\n\
                smtp_tls_session_cache_timeout = 3600s\ntls_ffdhe_auto_groups = ffdhe2048 ffdhe3072\n";
    assert!(lines(text).is_empty());
    assert!(refused_names(text).is_empty());
}

#[test]
fn a_value_that_does_not_expand_is_not_its_default() {
    assert_eq!(refused_names("smtp_requiretls_policy = ${x"), ["smtp_requiretls_policy"]);
}

#[test]
fn under_postfix_what_changes_the_fate_of_mail_is_refused_and_other_programs_settings_are_theirs() {
    let text = "enable_idna2003_compatibility = yes\nsmtp_dns_resolver_options = res_dnsrch\n\
        smtp_tls_dcert_file = /x\nforce_mime_input_conversion = yes\nsmtputf8_autodetect_classes = all\n\
        tls_low_cipherlist = LOW\n";
    let names = |refused: Vec<ParamError>| refused.into_iter().map(|error| error.name).collect::<Vec<_>>();
    let postfix = cf(text).for_deployment(Deployment::Postfix);
    let want = ["enable_idna2003_compatibility", "smtp_dns_resolver_options", "smtp_tls_dcert_file"];
    assert_eq!(names(refused(&postfix)), want);
    let warned = warnings(&postfix).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(matches!(warned.as_slice(), [one] if one.contains("tls_low_cipherlist")), "{warned:?}");
    assert_eq!(refused_names(text), [""; 0]);
    assert_eq!(lines(text).len(), 6);
    let same = cf("enable_idna2003_compatibility = no\n").for_deployment(Deployment::Postfix);
    assert_eq!((refused(&same).len(), warnings(&same).len()), (0, 0));
}

#[test]
fn unknown_names_come_with_the_nearest_one() {
    assert_eq!(
        lines(
            "smtp_mial_timeout = 3s\nrelay_host = x\nqwertyuiop = 1\nbaton_dns_sever = 2\nqueue_directry = /\n"
        ),
        [
            "/m:4: unknown parameter baton_dns_sever; did you mean baton_dns_server?",
            "/m:5: unknown parameter queue_directry; did you mean queue_directory?",
            "/m:3: unknown parameter qwertyuiop",
            "/m:2: unknown parameter relay_host; did you mean relayhost?",
            "/m:1: unknown parameter smtp_mial_timeout; did you mean smtp_mail_timeout?",
        ]
    );
}

#[test]
fn own_names_that_are_used_are_not_unknown() {
    assert!(lines("edge = [a.example]\nrelayhost = ${edge}:25\n").is_empty());
    assert_eq!(lines("edge = [a.example]\n").len(), 1);
}

#[test]
fn settings_that_change_routes_are_named_one_by_one_standalone() {
    let text =
        "content_filter = x:[::1]\nrelay_transport = smtp:[a]\nslow_destination_concurrency_limit = 1\n";
    assert_eq!(
        lines(text),
        [
            "/m:1: content_filter is set but not acted on yet",
            "/m:2: relay_transport is set but not acted on yet"
        ]
    );
    assert_eq!(warnings(&cf(text).for_deployment(Deployment::Postfix)), []);
}

#[test]
fn options_are_warned_about_by_their_origin() {
    let mut cf = cf("");
    cf.set_option("enable_threaded_bounces=yes").unwrap();
    let lines: Vec<_> = warnings(&cf).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["-o: enable_threaded_bounces is set but not acted on yet"]);
}

#[test]
fn what_postfix_s_queue_manager_does_is_nothing_to_warn_about_beside_it() {
    let text = "queue_run_delay = 5m\n";
    assert_eq!(lines(text).len(), 1);
    assert_eq!(warnings(&cf(text).for_deployment(Deployment::Postfix)), []);
}
