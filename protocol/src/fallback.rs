//! Text for programs that do not know a feature (XEP-0428), counted in code points (XEP-0426).

use std::ops::Range;

use crate::message::Message;
use crate::ns;
use crate::xml::Element;

/// So many ranges of a message are looked at.
const RANGES_MAX: usize = 32;

/// Says that all of the text is only for programs that do not know `feature`.
pub fn whole(feature: &str) -> Element {
    Element::new("fallback", ns::FALLBACK).attr("for", feature)
}

/// Says the same of a part of the body, in code points.
pub fn part(feature: &str, range: Range<usize>) -> Element {
    let body = Element::new("body", ns::FALLBACK)
        .attr("start", range.start)
        .attr("end", range.end);
    whole(feature).child(body)
}

/// The body without what is only there for programs that do not know `feature`; ranges that make no
/// sense hide nothing (IM-17).
pub fn without(message: &Message, body: &str, feature: &str) -> String {
    let len = body.chars().count();
    let marks = message.children().iter();
    let marks = marks.filter(|child| child.is("fallback", ns::FALLBACK));
    let marks = marks.filter_map(|child| child.element().ok());
    let marks = marks.filter(|mark| mark.get_attr("for") == Some(feature));
    let ranges = marks.flat_map(|mark| ranges_of(&mark, len));
    let ranges: Vec<_> = ranges.take(RANGES_MAX).collect();
    let chars = body.chars().enumerate();
    let left = chars.filter(|(at, _)| !ranges.iter().any(|range| range.contains(at)));
    left.map(|(_, c)| c).collect()
}

/// What of a body of so many code points one `<fallback/>` means.
fn ranges_of(mark: &Element, len: usize) -> Vec<Range<usize>> {
    let mut children = mark.children();
    if !children.any(|child| child.ns() == ns::FALLBACK) {
        return vec![Range { start: 0, end: len }];
    }
    let bodies = mark.children().filter(|c| c.is("body", ns::FALLBACK));
    let ranges = bodies.filter_map(|body| {
        let bound = |name, unsaid| match body.get_attr(name) {
            Some(text) => text.parse().ok(),
            None => Some(unsaid),
        };
        let range = bound("start", 0)?..bound("end", len)?;
        (range.start <= range.end && range.end <= len).then_some(range)
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    /// What is left of a body with such elements beside it.
    fn left(body: &str, marks: &str) -> String {
        without(&message(marks), body, ns::REPLY)
    }

    fn range(start: &str, end: &str) -> String {
        format!(
            "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>\
             <body start='{start}' end='{end}'/></fallback>"
        )
    }

    // proves: IM-16, IM-17
    #[test]
    fn ranges_count_code_points() {
        // The example of XEP-0461 §4.
        let body = "> Anna wrote:\n> We should bake a cake\nGreat idea!";
        assert_eq!(left(body, &range("0", "38")), "Great idea!");
        for (quoted, end) in [
            ("> 🎂\n", "4"),
            // A family is five code points, of which no program that counts otherwise finds the end.
            ("> 👨‍👩‍👧\n", "8"),
            ("> e\u{301}\n", "5"),
            ("> ünïcödé\n", "10"),
        ] {
            assert_eq!(
                left(&format!("{quoted}Yes"), &range("0", end)),
                "Yes",
                "{quoted}"
            );
        }
        assert_eq!(left("Yes > no", &range("3", "8")), "Yes");
        let two = range("0", "2") + &range("4", "6");
        assert_eq!(left("abcdef", &two), "cd");
    }

    // proves: IM-17
    #[test]
    fn what_makes_no_sense_hides_nothing() {
        for (start, end) in [
            ("3", "2"),
            ("0", "7"),
            ("-1", "2"),
            ("x", "2"),
            ("0", "9999999999999999999999"),
        ] {
            assert_eq!(
                left("abcdef", &range(start, end)),
                "abcdef",
                "{start}-{end}"
            );
        }
        let of_others = range("0", "3").replace("reply:0", "other:0");
        assert_eq!(left("abcdef", &of_others), "abcdef");
        let subject = range("0", "3").replace("<body", "<subject");
        assert_eq!(left("abcdef", &subject), "abcdef");
        let nameless = "<fallback xmlns='urn:xmpp:fallback:0'/>";
        assert_eq!(left("abcdef", nameless), "abcdef");
    }

    // proves: IM-17
    #[test]
    fn without_a_range_it_is_the_whole_body() {
        assert_eq!(left("abcdef", &whole(ns::REPLY).to_string()), "");
        let whole_body =
            "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body/></fallback>";
        assert_eq!(left("abcdef", whole_body), "");
        assert_eq!(left("abcdef", &part(ns::REPLY, 0..3).to_string()), "def");
    }
}
