//! Names and passwords as a server prepares them.

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web::typed;

wasm_bindgen_test_configure!(run_in_browser);

// proves: CO-09
#[wasm_bindgen_test]
fn a_typed_name_is_what_the_server_makes_of_it() {
    // As the vectors of protocol/tests/addresses.rs have it.
    for (typed, prepared) in [
        ("JULIET", "juliet"),
        ("ｊｕｌｉｅｔ", "juliet"),
        ("Σ", "σ"),
        ("ς", "σ"),
        ("İ", "i\u{307}"),
        ("\u{212B}", "å"),
        ("e\u{301}", "é"),
        ("straße", "strasse"),
        ("ﬁ", "fi"),
        ("Ⅸ", "ix"),
        ("א", "א"),
        ("JÜRGEN@BÜCHER.example", "jürgen@bücher.example"),
    ] {
        assert_eq!(typed::name(typed), prepared, "{typed}");
        assert_eq!(typed::name(prepared), prepared, "it stays as it is");
    }
}

// proves: AU-11
#[wasm_bindgen_test]
fn a_typed_password_is_composed_and_else_left_alone() {
    for (typed, prepared) in [
        ("Correct Horse", "Correct Horse"),
        ("A\u{30a}", "\u{c5}"),
        ("π ß å", "π ß å"),
    ] {
        assert_eq!(typed::password(typed), prepared, "{typed}");
    }
}
