//! Memory that will be needed soon, asked for early.

/// Asks the processor for the line of memory in which `at` begins, and goes on without waiting for it.
///
/// Changes nothing but time. Only where Rust offers the instruction, which is x86-64: elsewhere it does nothing.
#[inline(always)]
pub(crate) fn prefetch<T>(at: &T) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse"))]
    safe_arch::prefetch_t0(at);
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse")))]
    let _ = at;
}
