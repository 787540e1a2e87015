//! Which plaintext is in which ciphertext, for the last records that were sealed: what a write that stopped halfway left.

use std::collections::VecDeque;

/// How much ciphertext is remembered. The caller has at most 64 KB of plaintext unwritten.
const WINDOW: usize = 256 * 1024;

/// The lengths of the last records, newest at the back.
#[derive(Default)]
pub(super) struct Sent {
    runs: VecDeque<Run>,
    /// The ciphertext of all runs.
    remembered: usize,
}

/// Records of one size after one another.
struct Run {
    ciphertext: usize,
    plaintext: usize,
    records: usize,
}

impl Sent {
    /// One more record. Records that are not application data have no `plaintext`.
    pub(super) fn note(&mut self, ciphertext: usize, plaintext: usize) {
        self.remembered += ciphertext;
        match self.runs.back_mut() {
            Some(run) if run.ciphertext == ciphertext && run.plaintext == plaintext => run.records += 1,
            _ => self.runs.push_back(Run { ciphertext, plaintext, records: 1 }),
        }
        while self.remembered > WINDOW {
            let Some(oldest) = self.runs.front_mut() else { return };
            self.remembered -= oldest.ciphertext;
            oldest.records -= 1;
            if oldest.records == 0 {
                self.runs.pop_front();
            }
        }
    }

    /// The plaintext of the records that end in the last `unwritten` octets of ciphertext.
    pub(super) fn plaintext_in(&self, mut unwritten: usize) -> usize {
        let mut plaintext = 0;
        for run in self.runs.iter().rev() {
            let records = unwritten.div_ceil(run.ciphertext.max(1)).min(run.records);
            plaintext += records * run.plaintext;
            unwritten = unwritten.saturating_sub(run.ciphertext * records);
            if unwritten == 0 {
                break;
            }
        }
        plaintext
    }
}
