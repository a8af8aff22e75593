//! Collections put together in little code: the compiled client is sent to browsers.

/// Puts items into a collection one by one. Unlike this, `collect` into a tree sorts first, and brings a sort
/// of its own for each type of item: some 4 kB of the compiled client each.
pub(crate) fn gathered<T, C: Default + Extend<T>>(items: impl IntoIterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}
