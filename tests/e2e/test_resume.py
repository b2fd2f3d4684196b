"""A server that is killed while it trains, and the one that is started after it. Needs Chromium."""

import re

from playwright.sync_api import expect

from ae_core.checkpoints import load_checkpoint
from ae_core.training.run_folder import interrupted
from tests.e2e.acts import choose_kind, open_menu, open_view, opened, panel, press
from tests.e2e.conftest import complaints, server_process

LONG_MS = 300_000
STEPS = 122
"""Of 300 images each: twice those of 7, 8 and 9."""


def test_a_training_goes_on_after_its_server_was_killed_to_a_good_model_that_downloads(context, tmp_path):
    log, runs = tmp_path / "log.txt", tmp_path / "log.runs"
    with server_process(log) as (address, process):
        page = opened(context, address)
        choose_kind(page, "Sparse")
        open_view(page, "Train")
        # Two epochs of three digits, in larger batches than the recipe's: sooner done.
        page.locator("summary").get_by_text("More", exact=True).click()
        for name, value in (("batch_size", "300"), ("epochs", "2")):
            field = page.locator(f".st-key-train_sparse_{name} input")
            field.fill(value)
            field.press("Enter")
        for digit in "0123456":
            chosen = page.locator(".st-key-train_sparse_digits").get_by_role("button", name=digit, exact=True)
            chosen.click()
            expect(chosen).to_have_attribute("aria-pressed", "false")
        press(page, "train")
        expect(page.locator("[data-testid='stProgress']")).to_contain_text("left", timeout=LONG_MS)
        # Where a run is paused its state is saved.
        press(page, "hold")
        expect(page.locator("[data-testid='stProgress']")).to_contain_text("Paused", timeout=LONG_MS)
        process.kill()
        process.wait()
    page.close()
    ((name, run),) = interrupted(runs, 5).items()
    step = run.state.step
    assert 0 < step < STEPS
    with server_process(log) as (address, _):
        page = opened(context, address)
        expect(page.get_by_text("A training was interrupted.")).to_be_visible()
        press(page, "see_interrupted")
        offer = page.locator(f".st-key-interrupted_{name.replace('.', '-')}")
        expect(offer).to_contain_text(
            f"Interrupted: sparse, weight 5·10⁻³, digits 7-9, step {step} of {STEPS}."
        )
        offer.get_by_role("button", name="Go on").click()
        finished = re.compile(rf"Finished after step {STEPS} of {STEPS}: test MSE (0\.\d+)")
        expect(page.locator("[data-testid='stProgress']")).to_contain_text(finished, timeout=LONG_MS)
        expect(offer).to_have_count(0)
        expect(page.get_by_text("A training was interrupted.")).to_have_count(0)
        expect(panel(page, "values")).to_contain_text("A: sparse 5·10⁻³, digits 7-9 no. 1")
        open_menu(page)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download", exact=True).click()
        target = tmp_path / download.value.suggested_filename
        download.value.save_as(target)
    checkpoint = load_checkpoint(target)
    assert checkpoint.model_config.kind == "sparse"
    assert checkpoint.metrics.test_mse < 0.04
    assert interrupted(runs, 5) == {}
    assert not complaints(log.read_text())
