//! In-band registration (XEP-0077) and its tokens (XEP-0445, XEP-0379).

use crate::ns;
use crate::xml::Element;

/// `<query/>` that asks for an account.
pub fn request(username: &str, password: &str) -> Element {
    Element::new("query", ns::REGISTER)
        .child(Element::new("username", ns::REGISTER).text(username))
        .child(Element::new("password", ns::REGISTER).text(password))
}

/// `<query/>` that tells which fields are needed.
pub fn fields() -> Element {
    Element::new("query", ns::REGISTER)
        .child(Element::new("instructions", ns::REGISTER).text("Choose a name and a password."))
        .child(Element::new("username", ns::REGISTER))
        .child(Element::new("password", ns::REGISTER))
}

/// `<preauth/>` with a token.
pub fn preauth(token: &str) -> Element {
    Element::new("preauth", ns::PREAUTH).attr("token", token)
}

/// The features before login: by token always, without one only where registration is open (RG-01).
pub fn features(open: bool) -> Vec<Element> {
    let by_token = Element::new("register", ns::IBR_TOKEN);
    let openly = open.then(|| Element::new("register", ns::REGISTER_FEATURE));
    std::iter::once(by_token).chain(openly).collect()
}
