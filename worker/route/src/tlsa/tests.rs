//! Where TLSA records are looked for, and what each outcome becomes.
