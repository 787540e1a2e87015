//! Where two lists of lines differ.

/// Lines that only one of them has, marked with `-` (the first) and `+` (the second), in order.
pub(super) fn differences(first: &[String], second: &[String]) -> Vec<String> {
    // The length of the longest common rest, from every place of both.
    let mut common = vec![vec![0_usize; second.len() + 1]; first.len() + 1];
    for at in (0..first.len()).rev() {
        for beside in (0..second.len()).rev() {
            common[at][beside] = if first[at] == second[beside] {
                common[at + 1][beside + 1] + 1
            } else {
                common[at + 1][beside].max(common[at][beside + 1])
            };
        }
    }
    let (mut at, mut beside) = (0, 0);
    let mut found = Vec::new();
    while at < first.len() || beside < second.len() {
        let both = at < first.len() && beside < second.len();
        if both && first[at] == second[beside] {
            (at, beside) = (at + 1, beside + 1);
        } else if beside == second.len()
            || at < first.len() && common[at + 1][beside] >= common[at][beside + 1]
        {
            found.push(format!("-{}", first[at]));
            at += 1;
        } else {
            found.push(format!("+{}", second[beside]));
            beside += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_have_is_not_told() {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert_eq!(differences(&lines("abcd"), &lines("acxd")), ["-b", "+x"]);
        assert!(differences(&lines("ab"), &lines("ab")).is_empty());
        assert_eq!(differences(&lines(""), &lines("a")), ["+a"]);
    }
}
