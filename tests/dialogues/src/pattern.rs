//! Whether a frame is what a script expects.

use std::collections::BTreeMap;

use protocol::Element;

/// Names given to values that the server chose: `{name}` in a script.
pub(crate) type Names = BTreeMap<String, String>;

/// Whether `frame` has everything that `pattern` names: the element, each attribute, the text if
/// there is one, and each child, in order. More than that may be there.
///
/// An attribute `{name}` takes on any value the first time and must be the same afterwards. A child
/// `<no-x/>` says that there is no child `<x/>` of its namespace, an attribute `no-x` likewise.
pub(crate) fn matches(pattern: &Element, frame: &Element, names: &mut Names) -> bool {
    if !frame.is(pattern.name(), pattern.ns()) {
        return false;
    }
    let attributes_fit = pattern.attributes().iter().all(|wanted| {
        if let Some(name) = wanted.name.strip_prefix("no-") {
            return frame.get_attr_ns(&wanted.ns, name).is_none();
        }
        let found = frame.get_attr_ns(&wanted.ns, &wanted.name);
        found.is_some_and(|found| value_fits(&wanted.value, found, names))
    });
    let text = pattern.own_text();
    let text_fits = text.trim().is_empty() || value_fits(&text, &frame.own_text(), names);
    attributes_fit && text_fits && children_fit(pattern, frame, names)
}

fn children_fit(pattern: &Element, frame: &Element, names: &mut Names) -> bool {
    let mut rest = frame.children();
    pattern
        .children()
        .all(|wanted| match wanted.name().strip_prefix("no-") {
            Some(name) => frame.find(name, wanted.ns()).is_none(),
            None => rest.any(|found| matches(wanted, found, names)),
        })
}

/// Puts known values in the places of their names.
pub(crate) fn with_names(text: &str, names: &Names) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// A name that nothing has yet takes what stands in its place: the whole value, or a part of it.
fn value_fits(wanted: &str, found: &str, names: &mut Names) -> bool {
    let wanted = with_names(wanted, names);
    if wanted == "*" || wanted == found {
        return true;
    }
    let Some((before, rest)) = wanted.split_once('{') else {
        return false;
    };
    let Some((name, behind)) = rest.split_once('}') else {
        return false;
    };
    let taken = found
        .strip_prefix(before)
        .and_then(|found| found.strip_suffix(behind));
    let Some(taken) = taken else { return false };
    names.insert(name.to_owned(), taken.to_owned());
    true
}
