//! Data forms (XEP-0004).

use crate::ns;
use crate::xml::Element;

/// The fields of a typed form that somebody filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, Vec<String>)>,
}

impl Form {
    /// Reads `<x/>`; `None` if its FORM_TYPE is another one, or a field has no name or comes twice
    /// (DI-06).
    pub fn of_element(x: &Element, form_type: &str) -> Option<Self> {
        if !x.is("x", ns::DATA) || x.get_attr("type") != Some("submit") {
            return None;
        }
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        for field in x.children().filter(|child| child.is("field", ns::DATA)) {
            let var = field.get_attr("var")?;
            if fields.iter().any(|(known, _)| known == var) {
                return None;
            }
            fields.push((var.to_owned(), values(field)));
        }
        let at = fields.iter().position(|(var, _)| var == "FORM_TYPE")?;
        let (_, kind) = fields.remove(at);
        (kind == [form_type]).then_some(Self { fields })
    }

    /// A form of these fields.
    pub fn of_fields(fields: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let fields = fields.into_iter().collect();
        Self { fields }
    }

    /// Writes the form, filled in.
    pub fn to_element(&self, form_type: &str) -> Element {
        let fields = self.fields();
        let fields = fields.map(|(var, values)| field(var, values.iter().map(String::as_str)));
        Element::new("x", ns::DATA)
            .attr("type", "submit")
            .child(field("FORM_TYPE", [form_type]).attr("type", "hidden"))
            .children_from(fields)
    }

    /// The named fields in order, FORM_TYPE not among them.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[String])> {
        let fields = self.fields.iter();
        fields.map(|(var, values)| (var.as_str(), values.as_slice()))
    }
}

/// Writes one field.
pub fn field<'a>(var: &str, values: impl IntoIterator<Item = &'a str>) -> Element {
    let values = values
        .into_iter()
        .map(|value| Element::new("value", ns::DATA).text(value));
    Element::new("field", ns::DATA)
        .attr("var", var)
        .children_from(values)
}

/// Reads the values of one field.
pub fn values(field: &Element) -> Vec<String> {
    let values = field.children().filter(|child| child.is("value", ns::DATA));
    values.map(Element::own_text).collect()
}

/// Reads a yes or no as forms write it.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}
