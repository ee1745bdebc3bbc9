/*
 * libcurl's multi handle driven by libevent.
 *
 * Belongs to the thread of its event_base.
 */
#ifndef FETCH_FETCH_EVENT_H
#define FETCH_FETCH_EVENT_H

#include <curl/curl.h>

struct event_base;
struct fetch_event;

/* A transfer has come to its end; done has to remove it. Called from the event
 * loop alone, where every function of libcurl is allowed. */
typedef void fetch_event_done_fn(CURL *easy, CURLcode code);

/* NULL: no memory. */
struct fetch_event *fetch_event_new(struct event_base *base,
    long connections_max, fetch_event_done_fn *done);
/* No transfer may be left in it. */
void fetch_event_free(struct fetch_event **event);

/* 0 or ERR_LIBRARY. */
int fetch_event_add(struct fetch_event *event, CURL *easy);
void fetch_event_remove(struct fetch_event *event, CURL *easy);

#endif
