//! Content and addresses that change on their way.

use crate::row::{Row, check, row};

fn eight_bit(name: &'static str, value: &'static str, text: &str) -> Row {
    row(name, value).server(|server| server.without("8BITMIME")).text(text.replace('\n', "\r\n"))
}

const NESTED: &str = "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"abcdX\"\n\n--abcdX\n\
    Content-Type: multipart/mixed; boundary=\"abcdY\"\n\n--abcdY\nContent-Type: text/plain\n\
    Content-Transfer-Encoding: 8bit\n\n\u{e4}\n--abcdY--\n--abcdX--\n";

/// A boundary, and a line that is one only as far as its fourth octet.
const ALIKE: &str = "Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"abcdX\"\n\n--abcdX\n\
    Content-Transfer-Encoding: 8bit\n\n\u{e4}\n--abcdZ\nContent-Transfer-Encoding: 8bit\n\n\u{f6}\n--abcdX--\n";

#[test]
fn lines_and_parts() {
    let long = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(300));
    let part = |n: u32| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n");
    let deep = format!("MIME-Version: 1.0\n{}", (0..10).map(part).collect::<String>())
        + "Content-Transfer-Encoding: 8bit\n\n\u{e4}\n";
    check(vec![
        row("smtp_line_length_limit", "100").text(long).with("xxx\\n xxx"),
        eight_bit("disable_mime_output_conversion", "yes", NESTED).without("quoted-printable"),
        eight_bit("mime_nesting_limit", "3", &deep).with("result Bounced 5.6.0").without("result Sent"),
        eight_bit("mime_boundary_length_limit", "4", ALIKE).without("Encoding: 8bit"),
        eight_bit(
            "header_size_limit",
            "60",
            "Subject: one\n two\n three\n four\n five\n six\n seven\n eight\n nine\n ten\n eleven\n twelve\n\
             Mime-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\n\u{e4}\n",
        )
        .without("twelve"),
    ]);
}

#[test]
fn generic_addresses() {
    let short = |name, value| row(name, value).also("smtp_generic_maps", "inline:{ {s@client.test=short} }");
    check(vec![
        row("smtp_generic_maps", "inline:{ {s@client.test=new@public.test} }")
            .with("heard MAIL FROM:<new@public.test>")
            .without("heard MAIL FROM:<s@client.test>"),
        short("append_at_myorigin", "no")
            .with("heard MAIL FROM:<short>")
            .without("heard MAIL FROM:<short@client.test>"),
        short("myorigin", "origin.test")
            .with("heard MAIL FROM:<short@origin.test>")
            .without("heard MAIL FROM:<short@client.test>"),
        row("append_dot_mydomain", "no")
            .also("smtp_generic_maps", "inline:{ {s@client.test=s@host} }")
            .also("mydomain", "own.test")
            .with("heard MAIL FROM:<s@host>")
            .without("heard MAIL FROM:<s@host.own.test>"),
        row("mydestination", "local.test")
            .also("smtp_generic_maps", "inline:{ {s=local@public.test} }")
            .from("s@local.test")
            .with("heard MAIL FROM:<local@public.test>")
            .without("heard MAIL FROM:<s@local.test>"),
        row("recipient_delimiter", "+")
            .also("smtp_generic_maps", "inline:{ {s@client.test=new@public.test} }")
            .from("s+x@client.test")
            .with("heard MAIL FROM:<new@public.test>")
            .without("heard MAIL FROM:<s+x@client.test>"),
        row("propagate_unmatched_extensions", "generic")
            .also("smtp_generic_maps", "inline:{ {s@client.test=new@public.test} }")
            .also("recipient_delimiter", "+")
            .from("s+x@client.test")
            .with("heard MAIL FROM:<new+x@public.test>")
            .without("heard MAIL FROM:<new@public.test>"),
    ]);
}
