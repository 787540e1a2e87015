//! The listener's dialogue from outside: pasted transcripts, smuggling, and properties of any input.

#[cfg(test)]
mod driver;
#[cfg(test)]
mod greeting;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod transcripts;
