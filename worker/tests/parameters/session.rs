//! Greeting, addresses and replies.

use crate::row::{check, row};
use testkit::sink::{Rule, Stage};

#[test]
fn how_a_session_begins() {
    check(vec![
        row("smtp_helo_name", "other.test").with("heard EHLO other.test").without("heard EHLO client.test"),
        row("myhostname", "other.test").with("EHLO other.test").without("EHLO client.test"),
        row("smtp_never_send_ehlo", "yes").with("heard HELO client.test").without("heard EHLO"),
        row("smtp_always_send_ehlo", "no")
            .server(|mut server| {
                server.banner = "220 sink.test ready".into();
                server
            })
            .with("heard HELO client.test")
            .without("heard EHLO"),
        row("smtp_skip_5xx_greeting", "no")
            .rule(Rule::at(Stage::Greeting).reply("554 5.7.1 go away"))
            .with("result Bounced 5.7.1")
            .without("result Deferred 4.7.1"),
        row("smtp_discard_ehlo_keywords", "size, silent-discard")
            .with("heard MAIL FROM:<s@client.test>\n")
            .without("SIZE="),
    ]);
}

#[test]
fn what_is_said_of_addresses_and_made_of_replies() {
    check(vec![
        row("smtp_quote_rfc821_envelope", "no")
            .to("a..b@d.test")
            .with("heard RCPT TO:<a..b@d.test>")
            .without("heard RCPT TO:<\"a..b\"@d.test>"),
        row("soft_bounce", "yes")
            .rule(Rule::at(Stage::Rcpt).reply("550 5.1.1 nobody"))
            .with("result Deferred 4.1.1")
            .without("result Bounced 5.1.1"),
        row("delay_logging_resolution_limit", "1").with("delays=0.6/").without("delays=0.55/"),
        row("syslog_name", "relayer").with(" relayer/").without(" baton/"),
        row("max_use", "1").with("leaving=true").without("leaving=false"),
    ]);
}

#[test]
fn what_values_refer_to() {
    check(vec![
        row("compatibility_level", "3.6")
            .also("smtp_generic_maps", "inline:{ {s@client.test=s@host} }")
            .also("mydomain", "own.test")
            .with("heard MAIL FROM:<s@host>")
            .without("heard MAIL FROM:<s@host.own.test>"),
        row("multi_instance_name", "second")
            .also("syslog_name", "${multi_instance_name?{$multi_instance_name}:{first}}")
            .with(" second/")
            .without(" first/"),
        row("smtp_helo_name", "$process_name.$service_name.test")
            .smtp_only()
            .with("heard EHLO smtp.smtp.test"),
        row("smtp_helo_name", "host-${process_id?{known}:{unknown}}.test").with("EHLO host-known.test"),
    ]);
}
