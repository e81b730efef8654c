"""What `lsm predict` promises, on clips of drawn cameras and with a finished run.

python tools/predict_check.py RUN [CLIPS] [FRAMES] [LONG]

1. 20 clips as MP4: every frame has its row, and the masks are those of the decoded frames as pictures,
   so F1 over the videos equals F1 over the pictures.
2. Planted black, frozen, torn and cut-off frames come out unknown, and no others.
3. A clip of 2,000 frames: memory grows by less than 50 MB after the first hundred.
"""
import resource
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch

from lsm_adapter.camera import video_frames
from lsm_adapter.data import read_image, read_mask
from lsm_adapter.metrics import BinaryScores
from lsm_adapter.predict import Predictor, export_run
from lsm_adapter.record import Options, Recorder, frames_of, predict_all, record
from lsm_adapter.synthetic import CONDITIONS, camera_frames, scene_seed

torch.set_num_threads(1)
run = sys.argv[1]
clips, frames, long = (int(word) for word in (*sys.argv[2:5], *("20", "12", "2000")[len(sys.argv) - 2:]))
place = Path(tempfile.mkdtemp())


def film(path, images, rate=4):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate, images[0].shape[1::-1])
    for image in images:
        writer.write(image[..., ::-1])
    writer.release()
    return path


def camera(number, count):
    condition = CONDITIONS[number % len(CONDITIONS)]
    pairs = camera_frames(scene_seed(7, "test", number), count, (160, 120), first=25, condition=condition, hold=5)
    return (list(of) for of in zip(*pairs))


def check(sentence, fine):
    print(f"{'ok' if fine else 'WRONG'}: {sentence}", flush=True)
    if not fine:
        sys.exit(1)


# 1
predictor = Predictor.load(export_run(run, place / "model.safetensors"), "cpu")
(place / "clips").mkdir()
truth = {}
for number in range(clips):
    images, masks = camera(number, frames)
    truth[film(place / "clips" / f"{number:02d}.mp4", images)] = masks
predict_all(place / "model.safetensors", [place / "clips"], place / "out", Options(probabilities=True), "cpu")
table = pd.read_csv(place / "out" / "frames.csv")
rows = table.groupby("source")["frame"].apply(list)
check(f"{clips} clips: every frame has its row, {len(table)} in all",
      all(rows[str(path)] == list(range(len(masks))) for path, masks in truth.items()))
check("no frame of a living camera is called unknown", set(table["quality"]) == {"ok"})
by_video, by_picture, same = BinaryScores(), BinaryScores(), True
for path, masks in truth.items():
    for frame, mask in zip(video_frames(path), masks):
        name, answer = f"{path.stem}/{frame.number:06d}.png", predictor.predict(frame.image)
        by_picture.update(answer.prob, mask)
        by_video.update((read_image(place / "out" / "probabilities" / name)[..., 0] + 0.5) / 256, mask)
        same &= np.array_equal(read_mask(place / "out" / "masks" / name), answer.mask)
check(f"F1 {by_video.compute()['f1']:.4f} over the videos, {by_picture.compute()['f1']:.4f} over the pictures, "
      "and equal at every threshold", same and np.array_equal(by_video.histogram, by_picture.histogram))

# 2
images, _ = camera(1, 24)
images += [images[-1]] * 36  # the camera hangs for nine seconds
for number in (5, 6, 7):
    images[number] = np.zeros_like(images[number])
images[12] = images[12].copy()
images[12][60:] = 128
planted = film(place / "planted.mp4", images)
(place / "cut.mp4").write_bytes(planted.read_bytes()[:-3000])
predict_all(place / "model.safetensors", [planted, place / "cut.mp4"], place / "planted", device="cpu")
table = pd.read_csv(place / "planted" / "frames.csv")
words = table[table["source"] == str(planted)]["quality"].tolist()
print("   " + "".join({"ok": "."}.get(word, word[0]) for word in words))
hung = words.index("frozen")
check("planted frames have their words", words[:hung] == [{5: "black", 6: "black", 7: "black", 12: "unreadable"}
                                                         .get(k, "ok") for k in range(hung)])
check(f"the camera that hangs from second 6 on is frozen from second {hung / 4}",
      hung <= 24 + 4 * 5 + 12 and set(words[hung:]) == {"frozen"})
check("the file that was cut off is unreadable", table["quality"].iloc[-1] == "unreadable")
check("all of them are unknown", ((table["quality"] != "ok") == (table["state"] == "unknown")).all())

# 3
images, _ = camera(2, 50)
clip, sizes = film(place / "long.mp4", [images[k % 50] for k in range(long)]), []


def watched(pairs):
    for frame, file in pairs:
        if frame.number in (100, long - 1) and Path("/proc/self/statm").exists():
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            sizes.append(pages * resource.getpagesize() / 1e6)
        yield frame, file


recorder = Recorder(place / "long", ["masks", "overlays", "polygons", "probabilities"])
record(predictor, watched(frames_of(clip, place / "long")), recorder)
recorder.close()
check(f"{recorder.summary.rows} frames have their rows", recorder.summary.rows == long)
if sizes:
    check(f"memory after 100 frames {sizes[0]:.0f} MB, and {sizes[1] - sizes[0]:+.1f} MB at the end",
          sizes[1] - sizes[0] < 50)
