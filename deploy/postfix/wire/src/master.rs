//! What a child of master(8) is told by the environment, and what it tells back.

/// Whether a child takes another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is busy.
    Taken = 0,
    /// It waits for work.
    Available = 1,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// The process that master forked.
    pub pid: i32,
    /// `GENERATION`: master ignores a child that names another.
    pub generation: u32,
}

impl Child {
    /// One message, for one write: master reads twelve octets at a time, for all children of the service from the same
    /// socket.
    #[must_use]
    pub fn message(self, state: State) -> [u8; 12] {
        let mut message = [0; 12];
        let fields = [self.pid.to_ne_bytes(), self.generation.to_ne_bytes(), (state as i32).to_ne_bytes()];
        for (place, octet) in message.iter_mut().zip(fields.as_flattened()) {
            *place = *octet;
        }
        message
    }
}

/// `GENERATION`, which is octal.
#[must_use]
pub fn generation(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_message_is_the_one_that_was_seen_on_a_real_system() {
        let child = Child { pid: 3153, generation: 26 };
        let want = [0x51, 0x0c, 0, 0, 0x1a, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(child.message(State::Available), want);
        assert_eq!(child.message(State::Taken).get(8), Some(&0));
    }

    #[test]
    fn the_generation_is_octal() {
        assert_eq!(generation("32"), Some(26));
        assert_eq!(generation("8"), None);
        assert_eq!(generation(""), None);
    }
}
