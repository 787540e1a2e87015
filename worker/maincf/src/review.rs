//! What was set but does not act: refused where that would weaken security, else warned about once.
use crate::main_cf::MainCf;
use crate::reader::ParamError;

/// Settings that must not be ignored and cannot be honoured.
pub(crate) fn refused(_cf: &MainCf) -> Vec<ParamError> {
    Vec::new()
}
