//! Whether everybody can use a page: the rules of axe-core, room on a narrow screen, targets for a thumb.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::Tab;

/// Width and height of a phone, a tablet and a desk, in CSS pixels.
const SCREENS: [(u32, u32); 3] = [(360, 740), (820, 1180), (1440, 900)];
/// The narrowest screen.
const NARROWEST: (u32, u32) = (320, 640);

/// What axe-core finds wrong: the rule, what it wants, and where.
const RUN: &str = "
    return axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.flatMap(rule =>
        rule.nodes.map(node => `${rule.id}: ${rule.help}: ${node.target.join(' ')} ${node.failureSummary}`)))";

/// What is wider than the screen, or too small for a thumb (44 pixels), unless it is part of a text.
const ROOM: &str = "
    const wide = document.documentElement.scrollWidth - innerWidth;
    const found = wide > 0 ? [`the page is ${wide} pixels too wide`] : [];
    const targets = 'button, select, summary, input:not([type=checkbox], [type=radio], [type=file]), [role=menuitem]';
    for (const target of document.querySelectorAll(targets)) {
        if (!target.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
        const { width, height } = target.getBoundingClientRect();
        if (target.closest('.strip, .unseen, .inspector') || width < 2) continue;
        if (height < 43.5 || width < 43.5) found.push(
            `${target.dataset.testid ?? target.className} '${target.textContent}' is ${width} by ${height}`);
    }
    return found";

impl Tab {
    /// Ensures that everybody can use what the page shows: on screens of three sizes, light and dark. Leaves pictures
    /// `NAME-WIDTH-LOOK`, and the page as on a desk, light.
    ///
    /// # Errors
    /// With everything that is wrong, or when the browser does not answer.
    pub async fn is_for_everybody(&self, name: &str) -> Result<()> {
        let mut wrong = Vec::new();
        for (width, height) in SCREENS {
            self.show_as(width, height).await?;
            for look in ["dark", "light"] {
                self.look(look).await?;
                self.screenshot(&format!("{name}-{width}-{look}")).await?;
                wrong.extend(found(self.script(&rules()?, vec![]).await?, width, look));
            }
        }
        let (width, height) = NARROWEST;
        self.show_as(width, height).await?;
        wrong.extend(found(self.script(ROOM, vec![]).await?, width, "light"));
        let (width, height) = SCREENS[2];
        self.show_as(width, height).await?;
        ensure!(
            wrong.is_empty(),
            "{name} is not for everybody:\n{}",
            wrong.join("\n")
        );
        Ok(())
    }

    /// Shows the page light, dark, or with much contrast.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn look(&self, look: &str) -> Result<()> {
        let script = "document.documentElement.dataset.theme = arguments[0]";
        self.script(script, vec![json!(look)]).await.map(drop)
    }
}

fn found(answer: Value, width: u32, look: &str) -> Vec<String> {
    let found = answer.as_array().into_iter().flatten();
    let found = found.filter_map(Value::as_str);
    found
        .map(|wrong| format!("{width} {look}: {wrong}"))
        .collect()
}

fn rules() -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/axe-core/axe.min.js");
    let axe = fs::read_to_string(file).context("axe-core is missing: run `npm ci` in tests/e2e")?;
    Ok(format!("{axe}\n{RUN}"))
}
