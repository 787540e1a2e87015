//! Every name that the delivery agents of Postfix 3.4 to 3.12 read or depend on, with or without a row here.

use std::borrow::Cow;

use Neglect::{Elsewhere, Obsolete, Reference, Refuse, Warn};

/// What ignoring a setting means while it has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neglect {
    /// Something is not done that was asked for.
    Warn,
    /// Mail could go out less protected than was asked for.
    Refuse,
    /// Nothing: another program acts on it.
    Elsewhere,
    /// Nothing: it is only there to be referred to by other values.
    Reference,
    /// Nothing: current releases of Postfix ignore it too, or have a newer name for it.
    Obsolete,
}

/// A name, its twin, and what it is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// The `lmtp_` name; empty where there is none.
    pub(crate) lmtp: &'static str,
    /// Unexpanded; `None` where it depends on release or build.
    pub(crate) default: Option<&'static str>,
    pub(crate) group: &'static str,
    pub(crate) neglect: Neglect,
}

const fn known(
    name: &'static str,
    lmtp: &'static str,
    default: Option<&'static str>,
    group: &'static str,
    neglect: Neglect,
) -> Known {
    Known { name, lmtp, default, group, neglect }
}

/// The entry of a name, under either prefix.
///
/// The name of a parameter is never empty, so that a missing twin is never found.
pub(crate) fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name || known.lmtp == name)
}

/// The unexpanded default of a name without a row, so that a value may refer to it.
pub(crate) fn default(name: &str) -> Option<Cow<'static, str>> {
    let known = find(name)?;
    let default = known.default?;
    // The twin's default refers to the twin's siblings.
    let is_twin = name == known.lmtp;
    Some(if is_twin { default.replace("smtp_", "lmtp_").into() } else { default.into() })
}

/// What ignoring a name means that has no row; `None` where nobody knows it.
pub fn neglect(name: &str) -> Option<Neglect> {
    find(name).map(|known| known.neglect)
}

/// Whether Postfix's queue manager acts on a name, where there is one.
pub(crate) fn is_queue_manager_s(name: &str) -> bool {
    find(name).is_some_and(|known| known.group == "queue-manager")
}

/// Every name, both prefixes.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().flat_map(|known| [known.name, known.lmtp]).filter(|name| !name.is_empty())
}

/// Sorted by name without regard to case.
#[rustfmt::skip]
pub(crate) const KNOWN: &[Known] = &[
    known("address_verify_negative_cache", "", Some("yes"), "session", Warn),
    known("allow_srv_lookup_fallback", "", Some("no"), "dns", Warn),
    known("append_at_myorigin", "", Some("yes"), "address", Elsewhere),
    known("append_dot_mydomain", "", Some("${{$compatibility_level} <level {1} ? {yes} : {no}}"), "address", Elsewhere),
    known("best_mx_transport", "", Some(""), "destination", Warn),
    known("body_checks", "", Some(""), "mime", Elsewhere),
    known("bounce_service_name", "", Some("bounce"), "process", Elsewhere),
    known("cleanup_replace_stray_cr_lf", "", Some("yes"), "mime", Elsewhere),
    known("compatibility_level", "", Some("0"), "process", Reference),
    known("config_directory", "", None, "process", Elsewhere),
    known("connection_cache_protocol_timeout", "", Some("5s"), "cache", Warn),
    known("connection_cache_service_name", "", Some("scache"), "cache", Elsewhere),
    known("connection_cache_status_update_time", "", Some("600s"), "cache", Warn),
    known("connection_cache_ttl_limit", "", Some("2s"), "cache", Warn),
    known("cyrus_sasl_config_path", "", Some(""), "sasl", Warn),
    known("daemon_timeout", "", Some("18000s"), "process", Elsewhere),
    known("data_directory", "", Some("/var/lib/postfix"), "process", Elsewhere),
    known("debug_peer_level", "", Some("2"), "logging", Warn),
    known("debug_peer_list", "", Some(""), "logging", Warn),
    known("default_cache_db_type", "", None, "cache", Elsewhere),
    known("default_delivery_status_filter", "", Some(""), "logging", Warn),
    known("default_destination_concurrency_limit", "", Some("20"), "queue-manager", Warn),
    known("default_destination_rate_delay", "", Some("0s"), "queue-manager", Warn),
    known("default_destination_recipient_limit", "", Some("50"), "queue-manager", Warn),
    known("default_transport_rate_delay", "", Some("0s"), "queue-manager", Warn),
    known("delay_logging_resolution_limit", "", Some("2"), "logging", Warn),
    known("disable_dns_lookups", "", Some("no"), "obsolete", Warn),
    known("disable_mime_output_conversion", "", Some("no"), "mime", Warn),
    known("dns_ncache_ttl_fix_enable", "", Some("no"), "dns", Warn),
    known("dnssec_probe", "", Some("ns:."), "dns", Warn),
    known("double_bounce_sender", "", Some("double-bounce"), "notify", Warn),
    known("enable_idna2003_compatibility", "", Some("no"), "smtputf8", Warn),
    known("enable_threaded_bounces", "", Some("no"), "notify", Warn),
    known("error_notice_recipient", "", Some("postmaster"), "notify", Warn),
    known("fallback_relay", "", Some(""), "obsolete", Warn),
    known("force_mime_input_conversion", "", Some("no"), "mime", Warn),
    known("header_checks", "", Some(""), "mime", Elsewhere),
    known("header_from_format", "", Some("standard"), "notify", Warn),
    known("header_size_limit", "", Some("102400"), "mime", Warn),
    known("helpful_warnings", "", Some("yes"), "logging", Warn),
    known("ignore_mx_lookup_error", "", Some("no"), "dns", Warn),
    known("ignore_srv_lookup_error", "", Some("no"), "dns", Warn),
    known("inet_interfaces", "", Some("all"), "destination", Warn),
    known("inet_protocols", "", Some("all"), "destination", Warn),
    known("info_log_address_format", "", Some("external"), "logging", Warn),
    known("initial_destination_concurrency", "", Some("5"), "queue-manager", Warn),
    known("internal_mail_filter_classes", "", Some(""), "notify", Warn),
    known("ipc_idle", "", Some("5s"), "process", Elsewhere),
    known("ipc_timeout", "", Some("3600s"), "process", Elsewhere),
    known("ipc_ttl", "", Some("1000s"), "process", Elsewhere),
    known("known_tcp_ports", "", Some("lmtp=24, smtp=25, smtps=submissions=465, submission=587"), "destination", Warn),
    known("line_length_limit", "", Some("2048"), "session", Warn),
    known("lmtp_assume_final", "", Some("no"), "process", Warn),
    known("lmtp_cache_connection", "", None, "obsolete", Obsolete),
    known("mail_name", "", Some("Postfix"), "notify", Warn),
    known("mail_owner", "", Some("postfix"), "process", Warn),
    known("maillog_file", "", Some(""), "logging", Warn),
    known("maillog_file_permissions", "", Some("0600"), "logging", Warn),
    known("max_idle", "", Some("100s"), "process", Warn),
    known("max_use", "", Some("100"), "process", Warn),
    known("maximal_backoff_time", "", Some("4000s"), "queue-manager", Warn),
    known("mime_boundary_length_limit", "", Some("2048"), "mime", Warn),
    known("mime_header_checks", "", Some("$header_checks"), "mime", Elsewhere),
    known("mime_nesting_limit", "", Some("100"), "mime", Warn),
    known("minimal_backoff_time", "", Some("300s"), "queue-manager", Warn),
    known("multi_instance_name", "", Some(""), "process", Reference),
    known("mydestination", "", Some("$myhostname, localhost.$mydomain, localhost"), "address", Elsewhere),
    known("myhostname", "", None, "session", Warn),
    known("myorigin", "", Some("$myhostname"), "address", Warn),
    known("nested_header_checks", "", Some("$header_checks"), "mime", Elsewhere),
    known("non_smtpd_milters", "", Some(""), "notify", Elsewhere),
    known("notify_classes", "", Some("resource, software"), "notify", Warn),
    known("parent_domain_matches_subdomains", "", Some("debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps"), "logging", Warn),
    known("process_id", "", None, "process", Warn),
    known("process_name", "", None, "process", Warn),
    known("propagate_unmatched_extensions", "", Some("canonical, virtual"), "address", Elsewhere),
    known("proxy_interfaces", "", Some(""), "destination", Warn),
    known("queue_directory", "", Some("/var/spool/postfix"), "process", Warn),
    known("queue_run_delay", "", Some("300s"), "queue-manager", Warn),
    known("recipient_delimiter", "", Some(""), "address", Warn),
    known("relayhost", "", Some(""), "destination", Warn),
    known("requiretls_enable", "", Some("yes"), "tls", Warn),
    known("requiretls_esmtp_header", "", Some("yes"), "tls", Warn),
    known("requiretls_redact_dsn", "", Some("yes"), "notify", Warn),
    known("send_cyrus_sasl_authzid", "", Some("no"), "sasl", Warn),
    known("service_name", "", None, "process", Warn),
    known("smtp_address_preference", "lmtp_address_preference", Some("any"), "destination", Warn),
    known("smtp_address_verify_target", "lmtp_address_verify_target", Some("rcpt"), "session", Warn),
    known("smtp_always_send_ehlo", "", Some("yes"), "session", Warn),
    known("smtp_balance_inet_protocols", "lmtp_balance_inet_protocols", Some("yes"), "destination", Warn),
    known("smtp_bind_address", "lmtp_bind_address", Some(""), "destination", Warn),
    known("smtp_bind_address6", "lmtp_bind_address6", Some(""), "destination", Warn),
    known("smtp_bind_address_enforce", "lmtp_bind_address_enforce", Some("no"), "destination", Warn),
    known("smtp_body_checks", "lmtp_body_checks", Some(""), "mime", Refuse),
    known("smtp_cname_overrides_servername", "lmtp_cname_overrides_servername", Some("no"), "dns", Warn),
    known("smtp_connect_timeout", "lmtp_connect_timeout", Some("30s"), "timeouts", Warn),
    known("smtp_connection_cache_destinations", "lmtp_connection_cache_destinations", Some(""), "cache", Warn),
    known("smtp_connection_cache_on_demand", "lmtp_connection_cache_on_demand", Some("yes"), "cache", Warn),
    known("smtp_connection_cache_time_limit", "lmtp_connection_cache_time_limit", Some("2s"), "cache", Warn),
    known("smtp_connection_reuse_count_limit", "lmtp_connection_reuse_count_limit", Some("0"), "cache", Warn),
    known("smtp_connection_reuse_time_limit", "lmtp_connection_reuse_time_limit", Some("300s"), "cache", Warn),
    known("smtp_data_done_timeout", "lmtp_data_done_timeout", Some("600s"), "timeouts", Warn),
    known("smtp_data_init_timeout", "lmtp_data_init_timeout", Some("120s"), "timeouts", Warn),
    known("smtp_data_xfer_timeout", "lmtp_data_xfer_timeout", Some("180s"), "timeouts", Warn),
    known("smtp_defer_if_no_mx_address_found", "lmtp_defer_if_no_mx_address_found", Some("no"), "dns", Warn),
    known("smtp_delivery_status_filter", "lmtp_delivery_status_filter", Some("$default_delivery_status_filter"), "logging", Warn),
    known("smtp_discard_ehlo_keyword_address_maps", "lmtp_discard_lhlo_keyword_address_maps", Some(""), "session", Warn),
    known("smtp_discard_ehlo_keywords", "lmtp_discard_lhlo_keywords", Some(""), "session", Warn),
    known("smtp_dns_reply_filter", "lmtp_dns_reply_filter", Some(""), "dns", Warn),
    known("smtp_dns_resolver_options", "lmtp_dns_resolver_options", Some(""), "dns", Warn),
    known("smtp_dns_support_level", "lmtp_dns_support_level", Some(""), "dns", Warn),
    known("smtp_enforce_tls", "lmtp_enforce_tls", Some("no"), "obsolete", Refuse),
    known("smtp_fallback_relay", "lmtp_fallback_relay", Some("$fallback_relay"), "destination", Warn),
    known("smtp_generic_maps", "lmtp_generic_maps", Some(""), "address", Warn),
    known("smtp_header_checks", "lmtp_header_checks", Some(""), "mime", Refuse),
    known("smtp_helo_name", "lmtp_lhlo_name", Some("$myhostname"), "session", Warn),
    known("smtp_helo_timeout", "lmtp_lhlo_timeout", Some("300s"), "timeouts", Warn),
    known("smtp_host_lookup", "lmtp_host_lookup", Some("dns"), "dns", Warn),
    known("smtp_line_length_limit", "lmtp_line_length_limit", Some("998"), "mime", Warn),
    known("smtp_log_tls_feature_status", "lmtp_log_tls_feature_status", Some("yes"), "logging", Warn),
    known("smtp_mail_timeout", "lmtp_mail_timeout", Some("300s"), "timeouts", Warn),
    known("smtp_mime_header_checks", "lmtp_mime_header_checks", Some(""), "mime", Refuse),
    known("smtp_min_data_rate", "lmtp_min_data_rate", Some("500"), "timeouts", Warn),
    known("smtp_mx_address_limit", "lmtp_mx_address_limit", Some("5"), "destination", Warn),
    known("smtp_mx_session_limit", "lmtp_mx_session_limit", Some("2"), "destination", Warn),
    known("smtp_nested_header_checks", "lmtp_nested_header_checks", Some(""), "mime", Refuse),
    known("smtp_never_send_ehlo", "", Some("no"), "session", Warn),
    known("smtp_per_record_deadline", "lmtp_per_record_deadline", Some(""), "timeouts", Warn),
    known("smtp_per_request_deadline", "lmtp_per_request_deadline", None, "timeouts", Warn),
    known("smtp_pix_workaround_delay_time", "lmtp_pix_workaround_delay_time", Some("10s"), "session", Warn),
    known("smtp_pix_workaround_maps", "lmtp_pix_workaround_maps", Some(""), "session", Warn),
    known("smtp_pix_workaround_threshold_time", "lmtp_pix_workaround_threshold_time", Some("500s"), "session", Warn),
    known("smtp_pix_workarounds", "lmtp_pix_workarounds", Some("disable_esmtp,delay_dotcrlf"), "session", Warn),
    known("smtp_quit_timeout", "lmtp_quit_timeout", Some("300s"), "timeouts", Warn),
    known("smtp_quote_rfc821_envelope", "lmtp_quote_rfc821_envelope", Some("yes"), "address", Warn),
    known("smtp_randomize_addresses", "lmtp_randomize_addresses", Some("yes"), "destination", Warn),
    known("smtp_rcpt_timeout", "lmtp_rcpt_timeout", Some("300s"), "timeouts", Warn),
    known("smtp_reply_filter", "lmtp_reply_filter", Some(""), "session", Warn),
    known("smtp_requiretls_policy", "lmtp_requiretls_policy", None, "tls", Refuse),
    known("smtp_rset_timeout", "lmtp_rset_timeout", Some("20s"), "timeouts", Warn),
    known("smtp_sasl_auth_cache_name", "lmtp_sasl_auth_cache_name", Some(""), "sasl", Warn),
    known("smtp_sasl_auth_cache_time", "lmtp_sasl_auth_cache_time", Some("90d"), "sasl", Warn),
    known("smtp_sasl_auth_enable", "lmtp_sasl_auth_enable", Some("no"), "sasl", Refuse),
    known("smtp_sasl_auth_soft_bounce", "lmtp_sasl_auth_soft_bounce", Some("yes"), "sasl", Warn),
    known("smtp_sasl_mechanism_filter", "lmtp_sasl_mechanism_filter", Some(""), "sasl", Warn),
    known("smtp_sasl_password_maps", "lmtp_sasl_password_maps", Some(""), "sasl", Refuse),
    known("smtp_sasl_password_result_delimiter", "lmtp_sasl_password_result_delimiter", Some(":"), "sasl", Warn),
    known("smtp_sasl_path", "lmtp_sasl_path", Some(""), "sasl", Warn),
    known("smtp_sasl_security_options", "lmtp_sasl_security_options", Some("noplaintext, noanonymous"), "sasl", Warn),
    known("smtp_sasl_tls_security_options", "lmtp_sasl_tls_security_options", Some("$smtp_sasl_security_options"), "sasl", Warn),
    known("smtp_sasl_tls_verified_security_options", "lmtp_sasl_tls_verified_security_options", Some("$smtp_sasl_tls_security_options"), "sasl", Warn),
    known("smtp_sasl_type", "lmtp_sasl_type", Some("cyrus"), "sasl", Warn),
    known("smtp_send_dummy_mail_auth", "lmtp_send_dummy_mail_auth", Some("no"), "sasl", Warn),
    known("smtp_send_xforward_command", "lmtp_send_xforward_command", Some("no"), "session", Warn),
    known("smtp_sender_dependent_authentication", "lmtp_sender_dependent_authentication", Some("no"), "sasl", Warn),
    known("smtp_skip_4xx_greeting", "", None, "obsolete", Obsolete),
    known("smtp_skip_5xx_greeting", "lmtp_skip_5xx_greeting", Some("yes"), "session", Warn),
    known("smtp_skip_quit_response", "lmtp_skip_quit_response", Some("yes"), "session", Warn),
    known("smtp_starttls_timeout", "lmtp_starttls_timeout", Some("300s"), "timeouts", Warn),
    known("smtp_tcp_port", "lmtp_tcp_port", Some("smtp"), "destination", Warn),
    known("smtp_tls_block_early_mail_reply", "lmtp_tls_block_early_mail_reply", Some("no"), "tls", Warn),
    known("smtp_tls_CAfile", "lmtp_tls_CAfile", Some(""), "tls", Refuse),
    known("smtp_tls_CApath", "lmtp_tls_CApath", Some(""), "tls", Refuse),
    known("smtp_tls_cert_file", "lmtp_tls_cert_file", Some(""), "tls", Warn),
    known("smtp_tls_chain_files", "lmtp_tls_chain_files", Some(""), "tls", Warn),
    known("smtp_tls_cipherlist", "", None, "obsolete", Obsolete),
    known("smtp_tls_ciphers", "lmtp_tls_ciphers", Some("medium"), "tls", Warn),
    known("smtp_tls_connection_reuse", "lmtp_tls_connection_reuse", Some("no"), "cache", Warn),
    known("smtp_tls_dane_insecure_mx_policy", "", Some("dane"), "tls", Warn),
    known("smtp_tls_dcert_file", "lmtp_tls_dcert_file", Some(""), "tls", Warn),
    known("smtp_tls_dkey_file", "lmtp_tls_dkey_file", Some("$smtp_tls_dcert_file"), "tls", Warn),
    known("smtp_tls_eccert_file", "lmtp_tls_eccert_file", Some(""), "tls", Warn),
    known("smtp_tls_eckey_file", "lmtp_tls_eckey_file", Some("$smtp_tls_eccert_file"), "tls", Warn),
    known("smtp_tls_enable_rpk", "lmtp_tls_enable_rpk", Some("no"), "tls", Warn),
    known("smtp_tls_enforce_peername", "lmtp_tls_enforce_peername", Some("yes"), "obsolete", Warn),
    known("smtp_tls_enforce_sts_mx_patterns", "lmtp_tls_enforce_sts_mx_patterns", Some("yes"), "tls", Warn),
    known("smtp_tls_exclude_ciphers", "lmtp_tls_exclude_ciphers", Some(""), "tls", Warn),
    known("smtp_tls_fingerprint_cert_match", "lmtp_tls_fingerprint_cert_match", Some(""), "tls", Refuse),
    known("smtp_tls_fingerprint_digest", "lmtp_tls_fingerprint_digest", Some("${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}"), "tls", Refuse),
    known("smtp_tls_force_insecure_host_tlsa_lookup", "lmtp_tls_force_insecure_host_tlsa_lookup", Some("no"), "dns", Warn),
    known("smtp_tls_key_file", "lmtp_tls_key_file", Some("$smtp_tls_cert_file"), "tls", Warn),
    known("smtp_tls_loglevel", "lmtp_tls_loglevel", Some("0"), "logging", Warn),
    known("smtp_tls_loglevel_maps", "lmtp_tls_loglevel_maps", Some(""), "logging", Warn),
    known("smtp_tls_mandatory_ciphers", "lmtp_tls_mandatory_ciphers", Some("medium"), "tls", Warn),
    known("smtp_tls_mandatory_exclude_ciphers", "lmtp_tls_mandatory_exclude_ciphers", Some(""), "tls", Warn),
    known("smtp_tls_mandatory_protocols", "lmtp_tls_mandatory_protocols", Some(">=TLSv1"), "tls", Warn),
    known("smtp_tls_note_starttls_offer", "lmtp_tls_note_starttls_offer", Some("no"), "logging", Warn),
    known("smtp_tls_per_site", "lmtp_tls_per_site", Some(""), "obsolete", Refuse),
    known("smtp_tls_policy_maps", "lmtp_tls_policy_maps", Some(""), "tls", Refuse),
    known("smtp_tls_protocols", "lmtp_tls_protocols", Some(">=TLSv1"), "tls", Warn),
    known("smtp_tls_scert_verifydepth", "lmtp_tls_scert_verifydepth", Some("9"), "tls", Warn),
    known("smtp_tls_secure_cert_match", "lmtp_tls_secure_cert_match", Some("nexthop, dot-nexthop"), "tls", Refuse),
    known("smtp_tls_security_level", "lmtp_tls_security_level", Some("${{$compatibility_level} <level {3.11} ? {} : {may}}"), "tls", Warn),
    known("smtp_tls_servername", "lmtp_tls_servername", Some(""), "tls", Warn),
    known("smtp_tls_session_cache_database", "lmtp_tls_session_cache_database", Some(""), "tls", Warn),
    known("smtp_tls_session_cache_timeout", "lmtp_tls_session_cache_timeout", Some("3600s"), "tls", Warn),
    known("smtp_tls_trace_size_limit", "lmtp_tls_trace_size_limit", Some("102400"), "logging", Warn),
    known("smtp_tls_trust_anchor_file", "lmtp_tls_trust_anchor_file", Some(""), "tls", Refuse),
    known("smtp_tls_verify_cert_match", "lmtp_tls_verify_cert_match", Some("hostname"), "tls", Refuse),
    known("smtp_tls_wrappermode", "lmtp_tls_wrappermode", Some("no"), "tls", Refuse),
    known("smtp_tlsrpt_enable", "lmtp_tlsrpt_enable", Some("no"), "tls", Warn),
    known("smtp_tlsrpt_skip_reused_handshakes", "lmtp_tlsrpt_skip_reused_handshakes", None, "tls", Warn),
    known("smtp_tlsrpt_socket_name", "lmtp_tlsrpt_socket_name", Some(""), "tls", Warn),
    known("smtp_use_tls", "lmtp_use_tls", Some("no"), "obsolete", Warn),
    known("smtp_xforward_timeout", "lmtp_xforward_timeout", Some("300s"), "timeouts", Warn),
    known("smtputf8_autodetect_classes", "", Some("sendmail, verify"), "smtputf8", Warn),
    known("smtputf8_enable", "", None, "smtputf8", Warn),
    known("soft_bounce", "", Some("no"), "process", Warn),
    known("syslog_facility", "", Some("mail"), "logging", Warn),
    known("syslog_name", "", Some("${multi_instance_name?{$multi_instance_name}:{postfix}}"), "logging", Warn),
    known("tcp_windowsize", "", Some("0"), "session", Warn),
    known("tls_append_default_CA", "", Some("no"), "tls", Warn),
    known("tls_config_file", "", Some("default"), "tls", Warn),
    known("tls_config_name", "", Some(""), "tls", Warn),
    known("tls_daemon_random_bytes", "", Some("32"), "obsolete", Obsolete),
    known("tls_dane_digest_agility", "", None, "obsolete", Obsolete),
    known("tls_dane_digests", "", Some("sha512 sha256"), "tls", Warn),
    known("tls_dane_trust_anchor_digest_enable", "", None, "obsolete", Obsolete),
    known("tls_disable_workarounds", "", Some(""), "obsolete", Obsolete),
    known("tls_eecdh_auto_curves", "", Some("X25519 X448 prime256v1 secp521r1 secp384r1"), "tls", Warn),
    known("tls_export_cipherlist", "", Some(""), "tls", Warn),
    known("tls_fast_shutdown_enable", "", Some("yes"), "tls", Warn),
    known("tls_ffdhe_auto_groups", "", None, "tls", Warn),
    known("tls_high_cipherlist", "", Some("aNULL:-aNULL:HIGH:!SEED:!IDEA:!3DES:!RC2:!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:@STRENGTH"), "tls", Warn),
    known("tls_low_cipherlist", "", Some(""), "tls", Warn),
    known("tls_medium_cipherlist", "", Some("aNULL:-aNULL:HIGH:MEDIUM:!SEED:!IDEA:!3DES:!RC2:!RC4:!RC5:!kDH:!kECDH:!aDSS:!MD5:+RC4:@STRENGTH"), "tls", Warn),
    known("tls_null_cipherlist", "", Some("eNULL:!kDH:!kECDH:!aDSS:!MD5:!aNULL"), "tls", Warn),
    known("tls_required_enable", "", Some("yes"), "tls", Warn),
    known("tls_ssl_options", "", Some(""), "tls", Warn),
    known("tls_trace_rate_limit", "", Some("1"), "logging", Warn),
    known("tls_wildcard_matches_multiple_labels", "", Some("yes"), "tls", Warn),
    known("tlsmgr_service_name", "", Some("tlsmgr"), "process", Elsewhere),
    known("tlsproxy_client_policy_maps", "", None, "tls", Elsewhere),
    known("tlsproxy_client_security_level", "", None, "tls", Elsewhere),
    known("tlsproxy_service_name", "", Some("tlsproxy"), "tls", Elsewhere),
    known("use_srv_lookup", "", Some(""), "dns", Warn),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_fixtures_is_known() {
        let fixtures = [
            include_str!("../tests/fixtures/parameters.tsv"),
            include_str!("../tests/fixtures/parameters-related.tsv"),
            include_str!("../tests/fixtures/parameters-after-3.4.tsv"),
        ];
        let mut seen = 0;
        for line in fixtures.iter().flat_map(|text| text.lines().skip(1)) {
            let fields: Vec<&str> = line.split('\t').collect();
            for name in fields[0].split(" / ").chain([fields[1]]) {
                let name = name.split(' ').next().unwrap();
                // Templates: the names per transport are rows.
                if name != "-" && !name.starts_with("transport_") {
                    assert!(find(name).is_some(), "{name}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 300, "{seen}");
    }

    #[test]
    fn sorted_and_unique() {
        let lower: Vec<String> = KNOWN.iter().map(|known| known.name.to_lowercase()).collect();
        assert!(lower.is_sorted());
        let mut all: Vec<&str> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_twin_s_default_names_the_twin_s_siblings() {
        assert_eq!(default("lmtp_tls_key_file").as_deref(), Some("$lmtp_tls_cert_file"));
        assert_eq!(default("smtp_tls_key_file").as_deref(), Some("$smtp_tls_cert_file"));
        assert_eq!(default("myhostnam"), None);
    }
}
