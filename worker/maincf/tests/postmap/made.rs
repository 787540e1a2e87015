//! Tables made of tables, and those that need no key: unionmap, pipemap, randmap, fail.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::{Count, Folder, ours, pick};

/// A table in a table, now and then one made of tables again.
fn inner() -> impl Strategy<Value = String> {
    let plain = pick(&[
        "static:s",
        "static:{t u}",
        "inline:{a=1, b=2}",
        "inline:{ {a = x y}, {c=a}, 1=z}",
        "inline:{s=t,b=A,c=B,x=c}",
        "regexp:{{/^(a|c)/ <$1>}}",
        "pcre:{{/b/ b$$}, {/(.)\\d/ $1}}",
        "cidr:{{10.0.0.0/8 ten}, {!::1 not}}",
        "texthash:/dev/null",
    ]);
    plain.prop_recursive(2, 8, 3, |inner| {
        let tables = prop::collection::vec(inner, 1..3);
        (pick(&["unionmap", "pipemap"]), tables, pick(&[",", " ", ", "]))
            .prop_map(|(kind, tables, comma)| format!("{kind}:{{{}}}", tables.join(&comma)))
    })
}

const KEYS: &[&str] = &["a", "A", "b", "c", "d", "x", "1", "s", "10.1.1.1", "::1", "::2", "b1", "*"];

fn compare(kind: &str) {
    let folder = Folder::new();
    let keys: Vec<String> = KEYS.iter().map(|&key| key.to_owned()).collect();
    let mut runner = TestRunner::deterministic();
    let mut count = Count::default();
    for _ in 0..150 {
        let tables = prop::collection::vec(inner(), 1..4).new_tree(&mut runner).unwrap().current();
        let name = format!("{kind}:{{{}}}", tables.join(", "));
        count.compare(&name, &keys, &folder.ask(&name, &keys), &name);
    }
    count.report(kind, 300, 0);
}

#[test]
fn unions_answer_as_postmap_does() {
    compare("unionmap");
}

#[test]
fn pipes_answer_as_postmap_does() {
    compare("pipemap");
}

#[test]
fn what_postmap_does_not_open_is_not_opened() {
    let names = [
        "unionmap:{}",
        "unionmap:{ }",
        "unionmap:static:x",
        "unionmap:{static}",
        "unionmap:{{static:x}}",
        "pipemap:{}",
        "pipemap:x",
        "pipemap:{inline:{a}}",
        "randmap:{}",
        "randmap:{ }",
        "randmap:x",
        "randmap:{a",
        "tcp:x",
        "socketmap:x",
        "socketmap:inet:x",
        "texthash:/no/such",
        "hash:/no/such",
        "cdb:/no/such",
        "lmdb:/no/such",
        "btree:/no/such",
        "pcre:/no/such",
        "cidr:/no/such",
        "inline:{}",
        "inline:x",
    ];
    // Each takes postmap a second.
    std::thread::scope(|scope| {
        for name in names {
            scope.spawn(move || {
                assert!(!Folder::new().ask(name, &["a".to_owned()]).success, "{name}");
                assert!(ours(name).is_err(), "{name}");
            });
        }
    });
}

#[test]
fn random_values_are_those_that_postmap_gives() {
    let folder = Folder::new();
    let name = "randmap:{ smtp:[a]:25, {b c},d,d, e=f }";
    let keys: Vec<String> = (0..1500).map(|n| format!("key{n}")).collect();
    let oracle = folder.ask(name, &keys);
    let tables = ours(name).unwrap();
    let sorted = |mut values: Vec<String>| {
        values.sort_unstable();
        values.dedup();
        values
    };
    let own = keys.iter().map(|key| tables.lookup(key).unwrap().unwrap()).collect();
    assert_eq!(sorted(own), sorted(oracle.answers.values().cloned().collect()));
    println!("randmap: {} keys compared, as sets of values", oracle.answers.len());
    assert_eq!(oracle.answers.len(), keys.len());
}

#[test]
fn what_always_fails_fails_for_postmap_too() {
    let folder = Folder::new();
    let mut failed = 0;
    for name in ["fail:x", "unionmap:{static:a, fail:x}", "pipemap:{static:a, fail:x}"] {
        let tables = ours(name).unwrap();
        // postmap stops at the first error, and takes a second for it, so that more cannot be compared.
        let oracle = folder.ask(name, &["key1".to_owned()]);
        assert!(!oracle.success && oracle.warnings.contains("query error"), "{}", oracle.warnings);
        failed += (0..1000).filter(|n| tables.lookup(&format!("key{n}")).is_err()).count();
    }
    println!("fail: {failed} lookups failed; of postmap, the first of each table");
    assert_eq!(failed, 3000);
}
