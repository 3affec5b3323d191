"""The peer of scripts/bench/images: the job that CityTrack does with a picture, done by Django, Celery and Pillow.

    peer.py make PHOTOGRAPHS FOLDER     pictures of 1920 x 1080 and boxes.json, for both systems
    peer.py tables                      the tables, in an empty database
    gunicorn … peer:application         takes pictures as `ingest-api` does: POST /api/v1/images?boxes=…
    celery -A peer worker …             transforms and stores them

An upload is answered when RabbitMQ has confirmed the picture; a task makes the three variants, and they and the picture's row are
in the database after one transaction. Where there was a choice, the faster way was taken: SQL instead of the ORM, no middleware,
connections that stay open, keys in memory. PEER_BROKER_URL, PEER_DATABASE_URL and PEER_FLEET (the nodes' keys, as
`citytrack-bench prepare` wrote them) say where.
"""

import datetime
import functools
import hashlib
import io
import json
import os
import pathlib
import sys
import uuid

import psycopg
from celery import Celery
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from PIL import Image, ImageDraw, ImageFont

app = Celery("peer", broker=os.environ.get("PEER_BROKER_URL"))
app.conf.update(
    task_serializer="pickle",  # a picture travels as bytes
    accept_content=["pickle"],
    task_ignore_result=True,
    task_acks_late=True,  # a picture whose worker dies is made by another
    task_publish_retry=False,
    broker_transport_options={"confirm_publish": True},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
if not settings.configured:
    settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY=uuid.uuid4().hex, MIDDLEWARE=[],
                       DATA_UPLOAD_MAX_MEMORY_SIZE=16 << 20)

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


@functools.cache
def database():
    """The connection of this process: made with the first picture, kept."""
    return psycopg.connect(os.environ["PEER_DATABASE_URL"], autocommit=True)


TABLES = """
    create table image (id uuid primary key, node text not null, camera text, received_at timestamptz not null, saved_at timestamptz,
        media_type text not null, bytes integer not null, width integer, height integer, boxes jsonb, state text not null);
    create table image_variant (image_id uuid not null references image on delete cascade, variant text not null,
        media_type text not null, width integer not null, height integer not null, bytes integer not null, digest bytea not null,
        data bytea not null, primary key (image_id, variant));
    alter table image_variant alter column data set storage external;
"""
IMAGE = """insert into image values (%s, %s, %s, %s, now(), 'image/jpeg', %s, %s, %s, %s, 'ready') on conflict do nothing"""
VARIANT = """insert into image_variant values (%s, %s, 'image/jpeg', %s, %s, %s, %b, %b) on conflict do nothing"""


@app.task
def transform(image, node, camera, received_at, body, boxes):
    picture = Image.open(io.BytesIO(body))
    picture.load()
    for seen in boxes:
        if seen["class"] in HIDDEN:
            hide(picture, seen["box"])
    anonymised = encode(picture)
    thumbnail = picture.copy()
    thumbnail.thumbnail((320, 320))
    annotate(picture, boxes, "2026-11-22 10:00:00  bench  entrance")
    variants = (("anonymised", SIZE, anonymised), ("thumbnail", thumbnail.size, encode(thumbnail)), ("annotated", SIZE, encode(picture)))
    rows = [(image, name, *size, len(data), hashlib.sha256(data).digest(), data) for name, size, data in variants]
    with database().transaction(), database().cursor() as cursor:
        cursor.execute(IMAGE, (image, node, camera, received_at, len(body), *SIZE, json.dumps(boxes)))
        cursor.executemany(VARIANT, rows)


@functools.cache
def nodes():
    """The digests of the keys, and whose they are."""
    fleet = json.loads(pathlib.Path(os.environ["PEER_FLEET"]).read_text())
    return {hashlib.sha256(node["key"].encode()).digest(): node["slug"] for node in fleet["nodes"]}


def upload(request):
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    node = nodes().get(hashlib.sha256(key.encode()).digest()) if scheme == "Bearer" else None
    if node is None:
        return JsonResponse({"error": "a valid node key is wanted"}, status=401)
    try:
        image = uuid.UUID(request.headers["Idempotency-Key"])
        boxes = json.loads(request.GET["boxes"])
        size = Image.open(io.BytesIO(request.body), formats=["JPEG"]).size  # reads no more than the header
    except (KeyError, ValueError, OSError) as error:
        return JsonResponse({"error": str(error)}, status=400)
    if size != SIZE:
        return JsonResponse({"error": f"the picture is {size}"}, status=400)
    received_at = datetime.datetime.now(datetime.timezone.utc)
    transform.delay(image, node, request.GET.get("camera"), received_at, request.body, boxes)
    return JsonResponse({"id": str(image)}, status=202)


def healthz(_):
    return JsonResponse({"status": "ok"})


urlpatterns = [path("api/v1/images", upload), path("healthz", healthz)]
application = get_wsgi_application()


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


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        database().execute(TABLES)
