/* SPDX-License-Identifier: MIT */
/*
 * What the reporter writes into f:<pool> and fleet, where there is none: added up by us, from the
 * rows of the brokers that live, as the column `fold` of pool_fields.def says.  Quantiles of
 * several brokers cannot be had this way, nor the totals of brokers that are gone.  Pure.  Called
 * by fleet_view_settle.
 */
#ifndef TEPLO_FLEET_FLEET_FOLD_H
#define TEPLO_FLEET_FLEET_FOLD_H

struct fleet_view;

/* The ages of brokers and members are judged, and each pool knows its members. */
void fleet_fold(struct fleet_view *view);

#endif
