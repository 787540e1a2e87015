//! Arbitrary bytes as a message on its way out: any split gives the same, and nothing leaves that ends a line by accident.
#![no_main]

use mime::{Conversion, Filter, Limits, Survey};
use std::convert::Infallible;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((first, content)) = input.split_first() else { return };
    let limits = match first & 1 {
        0 => Limits::default(),
        _ => Limits { boundary: 3, nesting: 1, header: 40, line: 9 },
    };
    let size = usize::from(first >> 1).max(1);
    let mut survey = Survey::new(&limits);
    content.chunks(size).for_each(|piece| survey.feed(piece));
    survey.finish();
    for conversion in [Conversion::None, Conversion::SevenBit] {
        let (whole, complete) = filtered(&limits, conversion, [content]);
        assert_eq!(filtered(&limits, conversion, content.chunks(size)), (whole.clone(), complete));
        assert_eq!(complete, conversion == Conversion::None || !survey.is_too_deep());
        let lone = |pair: &[u8]| pair[0] == b'\r' && pair[1] != b'\n';
        assert!(!whole.windows(2).any(lone) && whole.last() != Some(&b'\r'), "a lone CR");
    }
});

/// The output, and whether it is all of it.
fn filtered<'a>(
    limits: &Limits,
    conversion: Conversion,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, bool) {
    let mut longer = |address: &str| Ok::<_, Infallible>(address.strip_suffix("a").map(|rest| format!("{rest}b")));
    let (mut filter, mut out) = (Filter::new(limits, conversion), Vec::new());
    for piece in pieces {
        if filter.feed(piece, &mut longer, &mut out).is_err() {
            return (out, false);
        }
    }
    let complete = filter.finish(&mut longer, &mut out).is_ok();
    (out, complete)
}
