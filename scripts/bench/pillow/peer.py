"""The peer of scripts/bench/images: the same three variants of a picture, made by Pillow in a Celery worker.

    peer.py make PHOTOGRAPHS FOLDER     pictures of 1920 x 1080 and boxes.json, for both systems
    celery -A peer worker …             the worker
    peer.py drive FOLDER COUNT WARMUP IN_FLIGHT WORKERS    prints the report that `citytrack-bench images` prints

The way is shorter than CityTrack's: no HTTP, no checks, nothing is stored. The picture goes through RabbitMQ as bytes, and what
comes back is when it was ready. The broker is in CELERY_BROKER_URL.
"""

import collections
import io
import json
import os
import pathlib
import sys
import time

from celery import Celery
from PIL import Image, ImageDraw, ImageFont

app = Celery("peer", broker=os.environ.get("CELERY_BROKER_URL"), backend="rpc://")
app.conf.update(
    task_serializer="pickle",
    result_serializer="pickle",
    accept_content=["pickle"],
    result_accept_content=["pickle"],
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)

FONT = ImageFont.load_default(20)
HIDDEN = {"person", "face"}
SIZE = (1920, 1080)


def hide(picture, box):
    """Pixelates a box, grown by 5 % on each side, in blocks of an eighth of its longer side, 16 pixels at least."""
    left, top, width, height = (part * side for part, side in zip(box, SIZE * 2))
    edges = (left - width * 0.05, top - height * 0.05, left + width * 1.05, top + height * 1.05)
    area = tuple(round(min(max(edge, 0), side)) for edge, side in zip(edges, SIZE * 2))
    width, height = area[2] - area[0], area[3] - area[1]
    block = max(16, round(max(width, height) / 8))
    blocks = (-(-width // block), -(-height // block))
    small = picture.crop(area).resize(blocks, Image.Resampling.BOX)
    picture.paste(small.resize((width, height), Image.Resampling.NEAREST), area[:2])


def annotate(picture, boxes, stamp):
    draw = ImageDraw.Draw(picture)
    for seen in boxes:
        left, top, width, height = (part * side for part, side in zip(seen["box"], SIZE * 2))
        draw.rectangle((left, top, left + width, top + height), outline="red", width=3)
        label = f"{seen['class']} {seen['confidence']:.0%}"
        draw.rectangle(draw.textbbox((left, top), label, font=FONT), fill="red")
        draw.text((left, top), label, fill="white", font=FONT)
    draw.rectangle((0, SIZE[1] - 28, *SIZE), fill="black")
    draw.text((8, SIZE[1] - 26), stamp, fill="white", font=FONT)


def encode(picture):
    to = io.BytesIO()
    picture.save(to, "JPEG", quality=85)
    return to.getvalue()


@app.task
def transform(body, boxes):
    used = time.process_time()
    picture = Image.open(io.BytesIO(body))
    picture.load()
    for seen in boxes:
        if seen["class"] in HIDDEN:
            hide(picture, seen["box"])
    anonymised = encode(picture)
    thumbnail = picture.copy()
    thumbnail.thumbnail((320, 320))
    thumbnail = encode(thumbnail)
    annotate(picture, boxes, "2026-11-22 10:00:00  bench  entrance")
    annotated = encode(picture)
    sizes = [len(variant) for variant in (anonymised, thumbnail, annotated)]
    return time.time(), time.process_time() - used, sizes


def make(photographs, folder):
    """Photographs cut and scaled to the size of a camera's picture, with people where a detector might see some."""
    folder.mkdir(parents=True, exist_ok=True)
    boxes = {}
    for number, name in enumerate(("astronaut.png", "coffee.png", "motorcycle_left.png", "hubble_deep_field.jpg", "rocket.jpg")):
        picture = Image.open(photographs / name).convert("RGB")
        width, height = picture.size
        kept = min(height, width * 9 // 16)
        picture = picture.crop((0, (height - kept) // 2, kept * 16 // 9, (height + kept) // 2)).resize(SIZE)
        picture.save(folder / f"{number}.jpg", quality=90)
        boxes[f"{number}.jpg"] = [
            {"class": "person", "confidence": 0.9, "box": [0.1 + 0.15 * person, 0.3, 0.08, 0.4]} for person in range(number + 1)
        ]
    (folder / "boxes.json").write_text(json.dumps(boxes))


def send(pictures, count, in_flight):
    """Sends pictures, so many under way at once; says how long each took, and the CPU time of each."""
    took, cpu, under_way = [], [], collections.deque()

    def take():
        start, result = under_way.popleft()
        ready, used, _ = result.get(timeout=120)
        took.append((ready - start) * 1000)
        cpu.append(used * 1000)

    for number in range(count):
        if len(under_way) == in_flight:
            take()
        under_way.append((time.time(), transform.delay(*pictures[number % len(pictures)])))
    while under_way:
        take()
    return took, cpu


def drive(folder, count, warmup, in_flight, workers):
    boxes = json.loads((folder / "boxes.json").read_text())
    pictures = [((folder / name).read_bytes(), seen) for name, seen in boxes.items()]
    send(pictures, warmup, in_flight)
    start = time.time()
    took, cpu = send(pictures, count, in_flight)
    seconds = time.time() - start
    took.sort()
    at = lambda part: took[min(len(took) - 1, int(part * len(took)))]
    latency = {"count": len(took), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": took[-1]}
    faults = [] if len(took) == count else [f"{count - len(took)} pictures never came"]
    report = {"kind": "images", "label": "Pillow in Celery", "workers": workers, "in_flight": in_flight, "pictures": count,
              "seconds": seconds, "pictures_per_s": count / seconds, "latency_ms": latency, "cpu_ms": sum(cpu) / count, "faults": faults}
    print(json.dumps(report))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        # Sent under the name that the worker knows it by.
        import peer

        transform = peer.transform
        drive(pathlib.Path(sys.argv[2]), *map(int, sys.argv[3:7]))
