// One part of the review queue: it stays with whoever is at it, and the next one comes by itself.
import { $, Refused, ask, tell, text } from "./base.js";
import { openActs, openAges } from "./acts.js";
import { openViewer } from "./viewer.js";

const STILL_HERE_MS = 60000;
const review = $("#review");
const { key } = review.dataset;

openAges(review.dataset.now);
openViewer(review);
openActs(review, (how) => {
  if (how === "saved" && review.dataset.mine === "true") $("#next").requestSubmit();
  else location.reload();
});
if (review.dataset.mine === "true") {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      await ask(`/v1/decisions/${encodeURIComponent(key)}/claim`);
    } catch (error) {
      if (error instanceof Refused && error.status === 409) { tell(text("claim_lost")); setTimeout(() => location.reload(), 2000); }
    }
  }, STILL_HERE_MS);
}
