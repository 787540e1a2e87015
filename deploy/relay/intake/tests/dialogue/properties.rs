//! What holds for any input: it never panics, and how it is cut into reads changes nothing.

use intake::{Refusal, Settings};
use proptest::prelude::*;

use super::driver::Driver;

fn settings() -> Settings {
    Settings {
        message_size_limit: 60,
        recipient_limit: 2,
        recipient_overshoot_limit: 1,
        hard_error_limit: 6,
        junk_command_limit: 3,
        hopcount_limit: 3,
        line_length_limit: 80,
        header_size_limit: 30,
        ..Settings::new("relay.example")
    }
}

/// Everything that can be seen from outside; `cuts` are the ends of reads.
fn run(stream: &[u8], cuts: &[usize]) -> (Vec<String>, usize, Vec<Vec<u8>>) {
    let mut driver = Driver::new(settings());
    let mut from = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        driver.feed(stream.get(from..cut).unwrap_or_default());
        from = from.max(cut);
    }
    driver.session.disconnected();
    driver.feed(&[]);
    assert!(driver.closed.is_some());
    // Replies and events each in order; how they interleave depends on when the reads end.
    let mut log = driver.log;
    log.sort_by_key(|line| !line.starts_with("S: "));
    (log, driver.stored.len(), driver.stored.into_iter().map(|(_, text)| text).collect())
}

/// A stream out of pieces that mean something, so that all states are reached.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"EHLO c\r\n",
        b"HELO c\r\n",
        b"MAIL FROM:<a@b.example>\r\n",
        b"MAIL FROM:<> SIZE=99 BODY=8BITMIME\r\n",
        b"RCPT TO:<c@d.example>\r\n",
        b"RCPT TO:<e@d.example>\r\n",
        b"RCPT TO:<f@d.example>\r\n",
        b"DATA\r\n",
        b"HELO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
        b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
        b"Received: x\r\n",
        b"Message-ID: <1@x>\r\n",
        b"A: 34567890\r\n 234567890\r\n 23456789\r\n",
        b"\r\n.\r\n",
        b".\r\n",
        b"..\r\n",
        b".",
        b"\r",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xe9",
        b"text ",
        b"0123456789012345678901234567890123456789",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"QUIT\r\n",
        b"XYZZY\r\n",
        b"BDAT 1\r\n",
        b"GET / HTTP/1.1\r\n",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| {
        let start: &[u8] = b"HELO c\r\n";
        std::iter::once(start).chain(pieces).collect::<Vec<_>>().concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn cuts_change_nothing(stream in stream(), cuts in prop::collection::vec(0_usize..400, 0..12)) {
        let mut cuts = cuts;
        cuts.retain(|cut| *cut <= stream.len());
        cuts.sort_unstable();
        let every: Vec<_> = (0..stream.len()).collect();
        let whole = run(&stream, &[]);
        prop_assert_eq!(&run(&stream, &cuts), &whole);
        prop_assert_eq!(&run(&stream, &every), &whole);
    }

    #[test]
    fn what_is_stored_is_what_was_sent(lines in prop::collection::vec("[.a]{0,3}[^\r\n]{0,20}", 0..8)) {
        let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let stuffed: String =
            lines.iter().map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" })).collect();
        let mut driver = Driver::new(Settings::new("relay.example"));
        driver.feed(b"HELO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
        driver.feed(format!("{stuffed}.\r\n").as_bytes());
        prop_assert_eq!(&driver.stored[0].1, text.as_bytes());
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300), text in any::<bool>()) {
        let mut driver = Driver::new(settings());
        if text {
            driver.feed(b"HELO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
        }
        driver.feed(&octets);
        driver.session.timed_out();
        driver.feed(&[]);
        prop_assert!(driver.closed.is_some());
    }
}

/// A stream that goes through every state, cut in two at every place.
#[test]
fn every_single_cut_gives_the_same() {
    let stream = b"EHLO c\r\nMAIL FROM:<a@b.example> BODY=8BITMIME\r\nRCPT TO:<c@d.example>\r\nDATA\r\n\
        Message-ID:\r\n <1@x>\r\n\r\n..x\r\n.\xe9\r\n.\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<e@d.example>\r\nDATA\r\n\
        a\nb\r.\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<e@d.example>\r\nDATA\r\nlast\r\n.\r\nQUIT\r\n";
    let whole = run(stream, &[]);
    assert_eq!(whole.1, 2);
    for cut in 0..stream.len() {
        assert_eq!(run(stream, &[cut]), whole, "cut at {cut}");
    }
}

#[test]
fn a_client_that_does_not_read_is_not_served_on() {
    let mut session = intake::Session::new(std::sync::Arc::new(Settings {
        junk_command_limit: u32::MAX,
        ..Settings::new("relay.example")
    }));
    let stream = b"HELP\r\n".repeat(100_000);
    let mut input = stream.as_slice();
    assert!(session.feed(&mut input).is_none());
    assert!(!input.is_empty());
    assert!(session.output().len() < 20_000, "{}", session.output().len());
    let left = input.len();
    assert!(session.feed(&mut input).is_none());
    assert_eq!(input.len(), left);
    session.written(usize::MAX);
    assert!(session.feed(&mut input).is_none());
    assert!(input.len() < left);
}

#[test]
fn a_command_line_without_end_costs_no_memory_and_ends_the_session() {
    let mut driver = Driver::new(Settings::new("relay.example"));
    for _ in 0..100 {
        driver.feed(&[b'x'; 1000]);
    }
    assert_eq!(driver.log.last().unwrap(), "E: close (command line without end) commands=0");
}

#[test]
fn a_question_that_is_dropped_is_a_refusal() {
    let mut session = intake::Session::new(std::sync::Arc::new(Settings::new("relay.example")));
    let mut input: &[u8] = b"HELO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n";
    assert!(matches!(session.feed(&mut input), Some(intake::Event::Open(..))));
    assert!(session.feed(&mut input).is_none());
    assert!(session.output().ends_with(b"451 4.3.0 Error: queue file write error\r\n"));
}

#[test]
fn a_faulty_message_is_told_its_fault_even_if_the_shell_gave_up() {
    let mut driver = Driver::new(Settings::new("relay.example"));
    driver.feed(b"HELO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\none\r\n");
    driver.give_up(Refusal::NoSpace);
    driver.feed(b"two\nthree\r\n.\r\n");
    assert!(driver.log.last().unwrap().starts_with("S: 550 5.6.0 Error: bare <LF>"));
}
