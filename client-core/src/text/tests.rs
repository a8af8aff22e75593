//! What texts look like, with the examples of XEP-0393.

use super::*;

/// A tree in one line: `*strong*` as `[b:strong]` and so on.
fn plain(spans: &[Span]) -> String {
    let each = spans.iter().map(|span| match span {
        Span::Text(text) => text.clone(),
        Span::Strong(inner) => format!("[b:{}]", plain(inner)),
        Span::Emphasis(inner) => format!("[i:{}]", plain(inner)),
        Span::Strike(inner) => format!("[s:{}]", plain(inner)),
        Span::Code(text) => format!("[c:{text}]"),
        Span::Link(link) => format!("[a:{}]", link.href),
    });
    each.collect()
}

fn drawn(blocks: &[Block]) -> String {
    let each = blocks.iter().map(|block| match block {
        Block::Text(spans) => plain(spans),
        Block::Code(text) => format!("{{code:{text}}}"),
        Block::Quote(inner) => format!("{{quote:{}}}", drawn(inner)),
    });
    each.collect::<Vec<_>>().join("|")
}

// proves: IM-18
#[test]
fn spans_are_as_the_specification_says() {
    for (text, expected) in [
        // XEP-0393 §3.2 and its table of what is none.
        ("*strong*", "[b:strong]"),
        ("_emphasis_", "[i:emphasis]"),
        ("~strike~", "[s:strike]"),
        ("`pre`", "[c:pre]"),
        ("*strong*plain*", "[b:strong]plain*"),
        ("* plain *strong*", "* plain [b:strong]"),
        ("not strong*", "not strong*"),
        ("*not \n strong*", "*not \n strong*"),
        ("*not *strong", "*not *strong"),
        ("**", "**"),
        ("****", "****"),
        ("*strong* plain *strong*", "[b:strong] plain [b:strong]"),
        ("*this is _all*_", "[b:this is _all]_"),
        ("_this *is_ nested*", "[i:this *is] nested*"),
        ("*_both_*", "[b:[i:both]]"),
        ("_*~all~*_", "[i:[b:[s:all]]]"),
        ("`*not strong*`", "[c:*not strong*]"),
        ("a*b*c", "a*b*c"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("*ünï 🌹*", "[b:ünï 🌹]"),
        ("<b>no</b> &amp;", "<b>no</b> &amp;"),
        ("", ""),
    ] {
        assert_eq!(drawn(&styled(text)), expected, "{text}");
    }
}

// proves: IM-18
#[test]
fn blocks_come_before_spans() {
    for (text, expected) in [
        ("> quoted\nplain", "{quote:quoted}|plain"),
        (">> deeper\n> one", "{quote:{quote:deeper}|one}"),
        ("> *a\n> b*", "{quote:*a\nb*}"),
        (">no space", "{quote:no space}"),
        (
            "```\n*code*\n> more\n```\nafter",
            "{code:*code*\n> more}|after",
        ),
        ("```ignored\ncode", "{code:code}"),
        ("> ```\n> code\nout", "{quote:{code:code}}|out"),
        ("a\n\nb", "a\n\nb"),
        ("a ```b```", "a ```b```"),
    ] {
        assert_eq!(drawn(&styled(text)), expected, "{text}");
    }
    assert_eq!(drawn(&unstyled("*no* > no")), "*no* > no");
}

// proves: IM-18
#[test]
fn nothing_takes_long_or_goes_deep() {
    let deep = styled(&">".repeat(100_000));
    let mut depth = 0;
    let mut inner = &deep;
    while let [Block::Quote(quoted)] = inner.as_slice() {
        depth += 1;
        inner = quoted;
    }
    assert_eq!(depth, QUOTES_MAX);
    for sign in [
        "*",
        "_a ",
        " *a",
        "*_~`",
        "~a~ ",
        "```\n",
        "> \n",
        "https://",
        "https://a.b/(",
    ] {
        let text = sign.repeat(100_000 / sign.len());
        assert!(!styled(&text).is_empty());
    }
    assert_eq!(styled(&"\n".repeat(100_000)).len(), 1);
}

// proves: SEC-60
#[test]
fn only_links_that_say_where_they_lead_are_links() {
    for (text, links) in [
        (
            "see https://example.org/a_b_c?d=*e* now",
            vec!["https://example.org/a_b_c?d=*e"],
        ),
        (
            "(https://example.org/x_(y))",
            vec!["https://example.org/x_(y)"],
        ),
        ("https://example.org.", vec!["https://example.org"]),
        ("*https://example.org*", vec!["https://example.org"]),
        ("HTTPS://EXAMPLE.ORG", vec!["HTTPS://EXAMPLE.ORG"]),
        ("http://[::1]:80/", vec!["http://[::1]:80/"]),
        ("https://bücher.example", vec!["https://bücher.example"]),
        (
            "mailto:romeo@montague.example, xmpp:juliet@capulet.example",
            vec![
                "mailto:romeo@montague.example",
                "xmpp:juliet@capulet.example",
            ],
        ),
        (
            "https://a.example\nhttps://b.example",
            vec!["https://a.example", "https://b.example"],
        ),
    ] {
        assert_eq!(found(&styled(text)), links, "{text}");
        assert_eq!(found(&unstyled(text)).len(), links.len(), "{text}");
    }
    for text in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "blob:https//x",
        "vbscript:x",
        "file:///etc/passwd",
        "about:blank",
        "ftp://example.org",
        "ws://example.org",
        "intent://x",
        "view-source:x",
        "https:",
        "https://",
        "https:///example.org",
        "https://:80/",
        "https://?x",
        "https://#x",
        // What stands before an @ is no host.
        "https://bank.example@evil.example/",
        "https://bank.example%2F@evil.example/",
        "https://evil\u{202E}elpmaxe.example/",
        "http\u{200B}s://example.org",
        "h ttps://example.org",
        "https:\\\\example.org",
        "xhttps://example.org",
        "//example.org",
        "/a/b",
        "#anchor",
        "mailto:",
        "xmpp:",
    ] {
        let links = found(&styled(text));
        let is_cut = links.iter().all(|link| link == "https://evil");
        assert!(is_cut, "{text}: {links:?}");
    }
    assert_eq!(
        found(&styled(&format!("https://{}", "a".repeat(3_000)))),
        [""; 0]
    );
    let link = |href: &str| Link {
        href: href.to_owned(),
    };
    assert!(link("HTTPS://x").is_web() && !link("xmpp:x").is_web() && !link("é").is_web());
}

fn found(blocks: &[Block]) -> Vec<String> {
    fn of_spans(spans: &[Span], found: &mut Vec<String>) {
        for span in spans {
            match span {
                Span::Link(link) => found.push(link.href.clone()),
                Span::Strong(inner) | Span::Emphasis(inner) | Span::Strike(inner) => {
                    of_spans(inner, found);
                }
                Span::Text(_) | Span::Code(_) => {}
            }
        }
    }
    let mut links = Vec::new();
    for block in blocks {
        match block {
            Block::Text(spans) => of_spans(spans, &mut links),
            Block::Quote(inner) => links.extend(found(inner)),
            Block::Code(_) => {}
        }
    }
    links
}

// proves: IM-21
#[test]
fn an_action_is_what_follows_the_word() {
    assert_eq!(action_of("/me sighs"), Some("sighs"));
    for none in ["/me", "/me ", "/mex", " /me sighs", "/ME sighs"] {
        assert_eq!(action_of(none), None, "{none}");
    }
}
