//! Notices: the shape of RFC 3464, and that nothing foreign gets out of its place.
