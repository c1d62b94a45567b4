// All forms of all protocols, and where what is wrong with them shows.
#pragma once

#include "epochs.hpp"
#include "hazard_pointers.hpp"
#include "hold_counts.hpp"
#include "migration.hpp"
#include "promotion.hpp"
#include "publication.hpp"
#include "resize_lock.hpp"
#include "seqlock.hpp"
#include "versioned_iterator.hpp"

namespace protocols {

/// A fault shows in this model and in those after it.
enum class model { sc, tso, rc11 };

constexpr const char* name_of(model m) {
  return m == model::sc ? "sc" : m == model::tso ? "tso" : "rc11";
}

struct description {
  const char* protocol;
  const char* form = nullptr;   // null: as it should be
  const char* fault = nullptr;  // the kind of finding that is to be expected; null: none
  model where = model::sc;
};

/// Calls visit.template form<Protocol>(description) for each form.
template <class Visitor>
void visit_forms(Visitor&& visit) {
  {
    using f = publication_form;
    visit.template form<publication<f::correct>>({"publication"});
    visit.template form<publication<f::relaxed_table>>({"publication", "relaxed_table", "race"});
    visit.template form<publication<f::fills_after_store>>(
        {"publication", "fills_after_store", "race"});
    visit.template form<publication<f::reads_table_first>>(
        {"publication", "reads_table_first", "check"});
    visit.template form<publication<f::relaxed_mask>>(
        {"publication", "relaxed_mask", "check", model::rc11});
    visit.template form<publication<f::relaxed_second_mask>>(
        {"publication", "relaxed_second_mask", "check", model::rc11});
  }
  {
    using f = migration_form;
    visit.template form<migration<f::correct>>({"migration"});
    visit.template form<migration<f::marks_before_copying>>(
        {"migration", "marks_before_copying", "check"});
    visit.template form<migration<f::marks_blindly>>({"migration", "marks_blindly", "check"});
    visit.template form<migration<f::relaxed_mark>>(
        {"migration", "relaxed_mark", "check", model::rc11});
    visit.template form<migration<f::relaxed_lookup>>({"migration", "relaxed_lookup", "race"});
  }
  {
    using f = hold_counts_form;
    visit.template form<hold_counts<f::correct>>({"hold_counts"});
    visit.template form<hold_counts<f::holds_after_unlock>>(
        {"hold_counts", "holds_after_unlock", "heap"});
    visit.template form<hold_counts<f::frees_at_once>>({"hold_counts", "frees_at_once", "race"});
    visit.template form<hold_counts<f::relaxed_drop>>({"hold_counts", "relaxed_drop", "race"});
    visit.template form<hold_counts<f::release_drop>>({"hold_counts", "release_drop", "race"});
  }
  {
    using f = hazard_pointers_form;
    visit.template form<hazard_pointers<f::correct>>({"hazard_pointers"});
    visit.template form<hazard_pointers<f::sc_reader>>({"hazard_pointers", "sc_reader"});
    visit.template form<hazard_pointers<f::trusts_first_load>>(
        {"hazard_pointers", "trusts_first_load", "heap"});
    visit.template form<hazard_pointers<f::reader_without_fence>>(
        {"hazard_pointers", "reader_without_fence", "heap", model::tso});
    visit.template form<hazard_pointers<f::writer_without_fence>>(
        {"hazard_pointers", "writer_without_fence", "heap", model::rc11});
    visit.template form<hazard_pointers<f::relaxed_clear>>(
        {"hazard_pointers", "relaxed_clear", "race"});
  }
  {
    using f = epochs_form;
    visit.template form<epochs<f::correct>>({"epochs"});
    visit.template form<epochs<f::pins_after_loading>>({"epochs", "pins_after_loading", "heap"});
    visit.template form<epochs<f::frees_own_epoch>>({"epochs", "frees_own_epoch", "race"});
    visit.template form<epochs<f::pins_without_fence>>(
        {"epochs", "pins_without_fence", "heap", model::tso});
    visit.template form<epochs<f::looks_without_fence>>(
        {"epochs", "looks_without_fence", "heap", model::rc11});
    visit.template form<epochs<f::relaxed_unpin>>({"epochs", "relaxed_unpin", "race"});
  }
  {
    using f = promotion_form;
    visit.template form<promotion<f::correct>>({"promotion"});
    visit.template form<promotion<f::skips_reread>>({"promotion", "skips_reread", "check"});
    visit.template form<promotion<f::looks_without_lock>>(
        {"promotion", "looks_without_lock", "race"});
    visit.template form<promotion<f::relaxed_promotion>>(
        {"promotion", "relaxed_promotion", "race"});
  }
  {
    using f = versioned_iterator_form;
    visit.template form<versioned_iterator<f::correct>>({"versioned_iterator"});
    visit.template form<versioned_iterator<f::checks_before_locking>>(
        {"versioned_iterator", "checks_before_locking", "heap"});
    visit.template form<versioned_iterator<f::bumps_after_unlocking>>(
        {"versioned_iterator", "bumps_after_unlocking", "heap"});
    visit.template form<versioned_iterator<f::steps_without_lock>>(
        {"versioned_iterator", "steps_without_lock", "race"});
  }
  {
    using f = seqlock_form;
    visit.template form<seqlock<f::correct>>({"seqlock"});
    visit.template form<seqlock<f::plain_data>>({"seqlock", "plain_data", "race"});
    visit.template form<seqlock<f::ignores_odd_number>>({"seqlock", "ignores_odd_number", "check"});
    visit.template form<seqlock<f::reader_without_fence>>(
        {"seqlock", "reader_without_fence", "check", model::rc11});
    visit.template form<seqlock<f::writer_without_fence>>(
        {"seqlock", "writer_without_fence", "check", model::rc11});
    visit.template form<seqlock<f::relaxed_end>>({"seqlock", "relaxed_end", "check", model::rc11});
  }
  {
    using f = resize_lock_form;
    visit.template form<resize_lock<f::correct>>({"resize_lock"});
    visit.template form<resize_lock<f::starts_unchecked>>(
        {"resize_lock", "starts_unchecked", "check"});
    visit.template form<resize_lock<f::publishes_when_claimed>>(
        {"resize_lock", "publishes_when_claimed", "race"});
    visit.template form<resize_lock<f::relaxed_leave>>({"resize_lock", "relaxed_leave", "race"});
    visit.template form<resize_lock<f::relaxed_next>>({"resize_lock", "relaxed_next", "race"});
    visit.template form<resize_lock<f::relaxed_idle>>(
        {"resize_lock", "relaxed_idle", "check", model::rc11});
  }
}

}  // namespace protocols
