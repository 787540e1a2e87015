//! Which delivery goes next: pure, time is a parameter
