"""A chat endpoint on loopback whose answers are scripted, and a project of many passages to be coded by it."""

import collections
import contextlib
import functools
import http.server
import json
import re
import socket
import threading
import time
from typing import NamedTuple

import numpy as np

from collabnlp.codebook import load_codebook
from collabnlp.embed import write_vectors
from collabnlp.engine import content_key
from collabnlp.records import (
    Document,
    GoldPassage,
    GoldRead,
    Passage,
    PassageTag,
    write_jsonl,
    write_table,
)
from conftest import ROOT, make_document, make_passage, make_tag


class Reply(NamedTuple):
    """What the server does with a question.

    `status` 0: hangs up without a word; -1: hangs up in the middle of the answer.
    """

    content: str = ""
    finish: str = "stop"
    status: int = 200
    headers: tuple = ()
    wait: float = 0.0
    body: str = ""
    refusal: str = ""


def said(*codes):
    """An answer: (code, stance, quote) each."""
    return Reply(json.dumps({"codes": [{"code": c, "stance": s, "quote": q} for c, s, q in codes]}))


def passage_of(payload):
    """The passage that a question is about, found as a language model would: between its marks."""
    text = payload["messages"][-1]["content"]
    mark = re.search(r"(?:^|\n)The passage to be coded:\n<<<passage ([0-9a-f]{16})\n", text).group(1)
    return re.search(rf"<<<passage {mark}\n(.*?)\npassage {mark}>>>", text, re.DOTALL).group(1)


class Server:
    """Answers with what `script(passage, n)` gives; n counts the questions about the passage, from 0."""

    def __init__(self, script):
        self.script, self.lock = script, threading.Lock()
        self.payloads, self.headers, self.paths = [], [], []
        self.asked = collections.Counter()  # by key of the question
        self.answered = collections.Counter()  # of these, answered in full
        self.about = collections.Counter()  # by passage
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                with contextlib.suppress(ConnectionError):
                    server.reply(self, json.loads(raw))

            def log_message(self, *_):
                pass

        class Http(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # clients are killed here on purpose

        self.http = Http(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def reply(self, handler, payload):
        text, key = passage_of(payload), content_key(payload)
        with self.lock:
            n = self.about[text]
            self.about[text] += 1
            self.asked[key] += 1
            self.payloads.append(payload)
            self.headers.append(dict(handler.headers))
            self.paths.append(handler.path)
        reply = self.script(text, n)
        time.sleep(reply.wait)
        choice = {"index": 0, "finish_reason": reply.finish, "message": {"role": "assistant", "content": reply.content}}
        if reply.refusal:
            choice["message"]["refusal"] = reply.refusal
        usage = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}
        body = (reply.body or json.dumps({"model": payload["model"], "choices": [choice], "usage": usage})).encode()
        if reply.status <= 0:
            handler.close_connection = True
            if reply.status < 0:
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body[: len(body) // 2])
                handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.send_response(reply.status)
        for name, value in reply.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()
        if reply.status == 200:
            with self.lock:
                self.answered[key] += 1


def lay_out_passages(folder, texts, *, access="public", gold=(), settings=""):
    """A project with these passages of one document, as the pipeline leaves it, and coded passages (text, codes)."""
    outputs, corpus = folder / "outputs", folder / "corpus"
    (corpus / "gold").mkdir(parents=True)
    (corpus / "codebook.yaml").write_text(small_codebook(), encoding="utf-8")
    (folder / "params.yaml").write_text(f"code:\n  timeout: 1.0\n  retries: 2\n  backoff: 0.01\n{settings}")
    passages = [make_passage(text, f"report:{i:04d}", ordinal=i, access=access) for i, text in enumerate(texts, 1)]
    tags = [make_tag(p.passage_id, score=0.4).model_copy(update={"review": True}) for p in passages[::3]]
    write_table(outputs / "documents.parquet", [make_document(access=access)], Document)
    write_table(outputs / "passages.parquet", passages, Passage)
    write_table(outputs / "tags.parquet", tags, PassageTag)
    write_vectors(outputs / "embeddings.parquet", [p.passage_id for p in passages], vectors_of(texts))
    rows, given = [], []
    for i, (text, codes) in enumerate(gold or [("Nobody here codes anything at all.", {})]):
        own = f"gold-{i % 3}:{i:03d}"
        rows.append(
            GoldPassage(passage_id=own, source=f"gold-{i % 3}", kind="free", restates="", provenance="model", text=text)
        )
        given += [make_tag(own, code, "lm-writer", stance, None) for code, stance in codes.items()]
    reads = [GoldRead(passage_id=row.passage_id, coder="lm-writer", task="codes") for row in rows]
    write_jsonl(corpus / "gold" / "passages.jsonl", rows, GoldPassage)
    write_jsonl(corpus / "gold" / "tags.jsonl", given, PassageTag)
    write_jsonl(corpus / "gold" / "reads.jsonl", reads, GoldRead)
    write_vectors(outputs / "gold_embeddings.parquet", [r.passage_id for r in rows], vectors_of([r.text for r in rows]))
    write_table(
        outputs / "out_of_fold_reads.parquet", [read.model_copy(update={"coder": "gold"}) for read in reads], GoldRead
    )
    write_table(
        outputs / "out_of_fold_tags.parquet", [tag.model_copy(update={"coder": "gold"}) for tag in given], PassageTag
    )
    return passages


@functools.cache
def small_codebook():
    """The codebook without its thousand indicators, which take long to read and are not sent."""
    book = json.loads(load_codebook(ROOT / "corpus" / "codebook.yaml").model_dump_json())
    for code in book["codes"]:
        code["indicators"] = []
    return json.dumps(book)  # YAML, too


def vectors_of(texts):
    rng = np.random.default_rng(7)
    rows = rng.standard_normal((len(texts), 8)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
