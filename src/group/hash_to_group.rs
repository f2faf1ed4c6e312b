//! Messages to uniform bytes.
