//! Transcripts and properties of the whole dialogue.
