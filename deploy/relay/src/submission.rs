//! Handing messages to the relay's own listener, as `baton send` and the demo do.
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct SubmissionError;
pub struct Submission;
impl Submission {
    pub fn connect(_a: std::net::SocketAddr, _n: &str) -> Result<Self, SubmissionError> {
        Ok(Self)
    }
    pub fn send(&mut self, _s: &str, _r: &[String], _c: &[u8]) -> Result<(), SubmissionError> {
        Ok(())
    }
    pub fn quit(self) -> Result<(), SubmissionError> {
        Ok(())
    }
}
