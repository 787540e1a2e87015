//! Servers that fall silent: which parameter ends the wait.

use crate::row::{check, row};
use testkit::sink::{Act, Rule, Stage};

fn silent(stage: Stage) -> Rule {
    Rule::at(stage).act(Act::Silence)
}

#[test]
fn each_stage_ends_with_its_own_timeout() {
    check(vec![
        row("smtp_helo_timeout", "1s")
            .rule(silent(Stage::Greeting))
            .with("timed out while receiving the initial"),
        row("smtp_mail_timeout", "1s").rule(silent(Stage::Mail)).with("timed out while sending MAIL FROM"),
        row("smtp_rcpt_timeout", "1s").rule(silent(Stage::Rcpt)).with("timed out while sending RCPT TO"),
        row("smtp_data_init_timeout", "1s")
            .rule(silent(Stage::Data))
            .with("timed out while sending DATA command"),
        row("smtp_data_done_timeout", "1s")
            .rule(silent(Stage::Dot))
            .with("timed out while sending end of data"),
    ]);
}
