//! Generated tables of rules, with if and endif.

use proptest::prelude::*;

use crate::oracle::pick;

/// A line of a table whose conditions are of this form.
fn line(condition: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    const RESULTS: &[&str] = &[
        "one",
        "two  words ",
        "$$5",
        "r",
        "r",
        "r",
        "[$1]",
        "<${1}>$(1)",
        "r$2",
        "r$0",
        "r$1x",
        "r$",
        "OK # no",
    ];
    let rule = (condition.clone(), pick(&[" ", "\t", "  ", "\n ", " \n\t"]), pick(RESULTS))
        .prop_map(|(condition, blank, result)| condition + &blank + &result);
    let condition = (pick(&["if ", "IF ", "if"]), condition).prop_map(|(word, condition)| word + &condition);
    prop_oneof![
        10 => rule,
        2 => condition,
        2 => Just("endif".to_owned()),
        1 => pick(&["# comment", "", "  # comment", "  "]),
    ]
}

/// A few lines; what is open is closed and what is closed too often left out, most of the time.
pub(crate) fn table(condition: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(condition), 1..4);
    (lines, prop::bool::weighted(0.9)).prop_map(|(lines, balance)| {
        let (mut text, mut open) = (String::new(), 0);
        for line in lines {
            match line.get(..2).unwrap_or_default() {
                "if" | "IF" => open += 1,
                "en" if open == 0 && balance => continue,
                "en" => open -= i32::from(open > 0),
                _ => {}
            }
            text += &format!("{line}\n");
        }
        if balance {
            text += &"endif\n".repeat(usize::try_from(open).unwrap());
        }
        text
    })
}
