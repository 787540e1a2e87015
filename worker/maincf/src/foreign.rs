//! Names of Postfix programs that Baton does not replace, so that a real main.cf does not look misspelt.

/// What such a name begins with.
const PREFIXES: &[&str] = &[
    "address_verify_",
    "alias_",
    "allow_",
    "anvil_",
    "authorized_",
    "bounce_",
    "broken_sasl_",
    "canonical_",
    "cleanup_",
    "command_",
    "daemon_",
    "debug_",
    "default_delivery_",
    "default_extra_",
    "default_filter_",
    "default_minimum_",
    "default_recipient_",
    "default_verp_",
    "defer_",
    "detect_8bit_",
    "disable_",
    "dns_",
    "dnsblog_",
    "dovecot_",
    "empty_address_",
    "enable_",
    "error_",
    "export_",
    "fast_flush_",
    "fault_",
    "flush_",
    "force_",
    "forward_",
    "frozen_",
    "hash_queue_",
    "header_",
    "hopcount_",
    "ignore_",
    "import_",
    "in_flow_",
    "info_",
    "internal_",
    "invalid_",
    "lmdb_",
    "local_",
    "mail_",
    "mailbox_",
    "maillog_",
    "maps_rbl_",
    "masquerade_",
    "max_",
    "message_",
    "meta_",
    "milter_",
    "mime_",
    "multi_",
    "mydestination",
    "mynetworks",
    "mysql_",
    "newaliases_",
    "non_",
    "nullmx_",
    "openssl_",
    "owner_",
    "permit_",
    "pickup_",
    "pipe_",
    "plaintext_",
    "postlog_",
    "postmap_",
    "postmulti_",
    "postscreen_",
    "prepend_",
    "process_id",
    "propagate_",
    "proxy_",
    "proxymap_",
    "proxywrite_",
    "qmgr_",
    "qmqpd_",
    "queue_",
    "rbl_",
    "receive_",
    "recipient_bcc_",
    "recipient_canonical_",
    "reject_",
    "relay_domains",
    "relay_recipient_",
    "relay_clientcerts",
    "relocated_",
    "remote_",
    "require_",
    "resolve_",
    "respectful_",
    "rewrite_",
    "rfc2047_",
    "sender_bcc_",
    "sender_canonical_",
    "sendmail_",
    "service_",
    "setgid_",
    "shlib_",
    "show_",
    "showq_",
    "smtpd_",
    "smtputf8_",
    "socketmap_",
    "spawn_",
    "stale_",
    "strict_",
    "swap_",
    "tcp_",
    "tls_",
    "tlsmgr_",
    "tlsproxy_",
    "trace_",
    "trigger_",
    "undisclosed_",
    "unknown_",
    "unverified_",
    "verp_",
    "virtual_",
];

/// Whole names that no prefix covers.
const NAMES: &[&str] = &[
    "2bounce_notice_recipient",
    "access_map_defer_code",
    "access_map_reject_code",
    "alternate_config_directories",
    "always_add_missing_headers",
    "always_bcc",
    "application_event_drain_time",
    "backwards_bounce_logfile_compatibility",
    "berkeley_db_create_buffer_size",
    "berkeley_db_read_buffer_size",
    "best_mx_transport",
    "biff",
    "body_checks_size_limit",
    "config_directory",
    "confirm_delay_cleared",
    "debugger_command",
    "default_database_type",
    "default_privs",
    "default_rbl_reply",
    "delay_notice_recipient",
    "delay_warning_time",
    "deliver_lock_attempts",
    "deliver_lock_delay",
    "destination_concurrency_feedback_debug",
    "dont_remove",
    "duplicate_filter_limit",
    "execution_directory_expansion_filter",
    "expand_owner_alias",
    "fallback_transport",
    "fallback_transport_maps",
    "fork_attempts",
    "fork_delay",
    "home_mailbox",
    "html_directory",
    "luser_relay",
    "mailq_path",
    "manpage_directory",
    "master_service_disable",
    "postlogd_watchdog_timeout",
    "prepend_delivered_header",
    "readme_directory",
    "reset_owner_alias",
    "sample_directory",
    "stress",
    "sun_mailtool_compatibility",
];

/// What follows a transport's name in settings of the scheduler and of local agents.
const SUFFIXES: &[&str] = &[
    "_delivery_slot_cost",
    "_delivery_slot_discount",
    "_delivery_slot_loan",
    "_destination_rate_delay",
    "_transport_rate_delay",
    "_extra_recipient_limit",
    "_minimum_delivery_slots",
    "_recipient_limit",
    "_recipient_refill_delay",
    "_recipient_refill_limit",
    "_time_limit",
    "_initial_destination_concurrency",
    "_destination_concurrency_limit",
    "_destination_recipient_limit",
    "_destination_concurrency_failed_cohort_limit",
    "_destination_concurrency_positive_feedback",
    "_destination_concurrency_negative_feedback",
];

/// Settings that decide where mail goes or what becomes of it, which the relay does not act on yet.
/// Each is worth a warning of its own.
const ROUTES: &[&str] = &[
    "always_bcc",
    "canonical_maps",
    "content_filter",
    "fallback_transport",
    "recipient_canonical_maps",
    "relay_transport",
    "relocated_maps",
    "sender_canonical_maps",
    "virtual_alias_maps",
];

/// Settings of cleanup(8) that are also about what the relay's own listener does.
const CLEANUP: &[&str] = &["force_mime_input_conversion", "smtputf8_autodetect_classes"];

/// Whether Postfix's cleanup acts on a name, where there is one.
pub(crate) fn is_cleanup_s(name: &str) -> bool {
    CLEANUP.contains(&name)
}

/// Whether the relay ignores a setting that changes where mail goes.
pub(crate) fn changes_routes(name: &str) -> bool {
    ROUTES.contains(&name)
}

/// Whether the name is one of a program that Baton does not replace.
pub(crate) fn is_foreign(name: &str) -> bool {
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_programs_are_recognised() {
        for name in
            ["smtpd_recipient_restrictions", "alias_maps", "mydestination", "biff", "maildrop_time_limit"]
        {
            assert!(is_foreign(name), "{name}");
        }
        for name in ["smtp_mail_timeuot", "relayhosts", "baton_sweep", "myvariable"] {
            assert!(!is_foreign(name), "{name}");
        }
        assert!(changes_routes("content_filter"));
    }
}
